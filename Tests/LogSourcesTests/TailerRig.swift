import Foundation
import LinuxIO
import LogSources
import TelemetryModel
import TestSupport

/// A folder of its own that goes away with the test.
final class TemporaryFolder {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "sluice-sources-" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    // macOS and some hosts have a link here; the tailer shows real paths.
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }
}

/// Collects what a tailer hands on.
final class CollectingSink: LineSink {
  struct Taken: Hashable {
    var line: String
    var name: String
    var origin: LineOrigin
  }

  var taken: [Taken] = []

  /// Lines after which it wants no more until the next call.
  var pausesAfterEach = false

  func take(line: UnsafeRawBufferPointer, path: String, target: Int, origin: LineOrigin) -> Bool {
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    taken.append(
      Taken(line: String(decoding: line, as: UTF8.self), name: name, origin: origin))
    return !pausesAfterEach
  }

  var lines: [String] { taken.map(\.line) }
}

/// A tailer with its discovery, driven step by step and able to crash.
///
/// `pump` reads all there is and stores positions as the agent does; `crash` forgets what was not
/// stored and begins anew from what was.
final class TailerRig {
  let folder = TemporaryFolder()
  let files = InterposedFileSystem()
  let clock = ManualClock()
  let sink = CollectingSink()
  var settings = FileTailSettings()
  private(set) var tailer: FileTailer
  private(set) var discovery: FileDiscovery
  private(set) var mailbox = FileMailbox()
  private let include: String
  /// Files that may wait to be taken, at most.
  var arrivalsMax = 256
  private let exclude: String?
  private var number: Int64 = 0
  /// What is stored, encoded as on disk.
  private(set) var stored: [Int64: [UInt8]] = [:]

  init(_ include: String = "*.log*", exclude: String? = nil, settings: FileTailSettings? = nil) {
    if let settings { self.settings = settings }
    self.include = "\(folder.path)/\(include)"
    self.exclude = exclude.map { [path = folder.path] in "\(path)/\($0)" }
    tailer = FileTailer(
      job: "job", settings: self.settings, fileSystem: files, clock: clock,
      takeNumber: { 0 })
    discovery = FileDiscovery(
      jobs: [], fileSystem: RealFileSystem(), rescanSeconds: 1000, usesInotify: false)
    begin()
  }

  private func begin() {
    mailbox = FileMailbox(arrivalsMax: arrivalsMax)
    tailer = FileTailer(
      job: "job", settings: settings, fileSystem: files, clock: clock,
      takeNumber: { [unowned self] in
        number += 1
        return number
      })
    tailer.restore(
      stored.compactMap { key, value in
        (try? FilePosition(encoded: value)).map { (key, $0) }
      })
    do {
      let patterns = try FilePatterns(include: include, exclude: exclude)
      discovery = FileDiscovery(
        jobs: [FileDiscovery.Job(targets: [patterns], mailbox: mailbox)],
        fileSystem: files, rescanSeconds: 1000, usesInotify: false)
    } catch {
      preconditionFailure("the rig's pattern is well formed: \(error)")
    }
    tailer.exchange(mailbox)
  }

  /// Forgets all that was not stored, and starts again.
  func crash() { begin() }

  /// Scans, reads everything, looks around, and stores positions unless told not to.
  ///
  /// Without `noticing` the kernel has not told yet which files changed.
  func pump(storing: Bool = true, scanning: Bool = true, noticing: Bool = true) {
    if scanning { discovery.scan() }
    if noticing { mailbox.postEverythingChanged() }
    tailer.exchange(mailbox)
    var rounds = 0
    while tailer.readRound(sink, afterChunk: { true }), rounds < 10_000 { rounds += 1 }
    tailer.lookAround(sink) { true }
    while tailer.readRound(sink, afterChunk: { true }), rounds < 10_000 { rounds += 1 }
    if storing { store() }
  }

  func store(held: [Int64: [FilePosition.HeldLine]] = [:]) {
    for (number, position) in tailer.takeChangedPositions(held: held) {
      stored[number] = position?.encoded()
    }
  }

  var lines: [String] { sink.lines }

  // MARK: What programs and logrotate do

  func write(_ text: String, to name: String) {
    let path = folder(name)
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    guard let handle = FileHandle(forWritingAtPath: path) else { return }
    handle.seekToEndOfFile()
    handle.write(Data(text.utf8))
    try? handle.close()
  }

  func rename(_ name: String, to other: String) {
    _ = Foundation.rename(folder(name), folder(other))
  }

  func remove(_ name: String) { _ = unlink(folder(name)) }

  func copy(_ name: String, to other: String) {
    let data = FileManager.default.contents(atPath: folder(name)) ?? Data()
    _ = FileManager.default.createFile(atPath: folder(other), contents: data)
  }

  func truncate(_ name: String) { _ = Foundation.truncate(folder(name), 0) }
}

/// A symbolic link.
func makeLink(_ path: String, to target: String) throws {
  try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
}

/// `count` numbered lines, long enough that files have more than a fingerprint.
func numbered(_ range: Range<Int>, _ word: String = "line") -> String {
  range.map { "\(word) \($0) of a program that writes more than a few letters\n" }.joined()
}

func numberedLines(_ range: Range<Int>, _ word: String = "line") -> [String] {
  range.map { "\(word) \($0) of a program that writes more than a few letters" }
}
