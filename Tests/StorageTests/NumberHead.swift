import Bytes
import LinuxIO
import Storage
import Synchronization
import TelemetryModel
import TestSupport

/// A store of numbers, the simplest that can lose something: each record is a list of them.
final class NumberHead: StoreHead {
  private struct State {
    var numbers: [UInt64] = []
  }

  /// What a test does in the midst of the engine's work, on the engine's threads.
  struct Hooks: Sendable {
    /// What it gives is the answer.
    var gain: @Sendable (SegmentRewrite) -> RewriteGain? = { _ in nil }
    var merge: @Sendable () -> Void = {}
  }

  private let state = Mutex(State())
  private let hooks: Hooks

  init(_ hooks: Hooks = Hooks()) { self.hooks = hooks }

  var memoryByteCount: Int { state.withLock { $0.numbers.count * 8 } }
  var rowCount: Int { state.withLock { $0.numbers.count } }
  var numbers: [UInt64] { state.withLock { $0.numbers } }

  func add(_ numbers: [UInt64]) { state.withLock { $0.numbers += numbers } }

  func replay(_ record: WALRecord) throws(StorageError) {
    add(try Self.decode(record.payload))
  }

  func write(to output: SegmentOutput) throws(StorageError) {
    try Self.write(numbers.sorted(), to: output)
  }

  private static func write(_ numbers: [UInt64], to output: SegmentOutput) throws(StorageError) {
    let writer = try output.begin()
    // Small pages, so that a segment has several.
    for start in stride(from: 0, to: numbers.count, by: 16) {
      let part = Array(numbers[start..<min(numbers.count, start + 16)])
      try writer.append(1, encode(part))
    }
    writer.finish(
      SegmentSummary(
        tenant: "t", oldest: Timestamp(seconds: Int64(numbers.first ?? 0)),
        newest: Timestamp(seconds: Int64(numbers.last ?? 0)), rowCount: numbers.count,
        rawByteCount: numbers.count * 8))
  }

  /// A delete's query is "low-high".
  static func isDeleted(_ number: UInt64, _ tombstones: [Tombstone]) -> Bool {
    tombstones.contains { tombstone in
      let ends = tombstone.query.split(separator: "-").compactMap { UInt64($0) }
      return ends.count == 2 && (ends[0]...ends[1]).contains(number)
    }
  }

  func gain(of rewrite: SegmentRewrite) throws(StorageError) -> RewriteGain {
    hooks.gain(rewrite) ?? rewrite.gainByAge
  }

  func merge(_ rewrites: [SegmentRewrite], to output: SegmentOutput) throws(StorageError) {
    hooks.merge()
    var numbers: Set<UInt64> = []
    for rewrite in rewrites {
      for page in rewrite.segment.pages.indices {
        do throws(StorageError) {
          let found = try Self.decode(try rewrite.segment.page(page))
          numbers.formUnion(found.filter { !Self.isDeleted($0, rewrite.tombstones) })
        } catch {
          guard error.code == .corrupt, rewrite.skipsDamage else { throw error }
        }
      }
    }
    if !numbers.isEmpty { try Self.write(numbers.sorted(), to: output) }
  }

  static func encode(_ numbers: [UInt64]) -> [UInt8] {
    var out: [UInt8] = []
    for number in numbers { out.appendLittleEndian(number) }
    return out
  }

  static func decode(_ bytes: [UInt8]) throws(StorageError) -> [UInt64] {
    guard bytes.count.isMultiple(of: 8) else {
      throw StorageError(.corrupt, "not a list of numbers")
    }
    return bytes.withUnsafeBytes { bytes in
      (0..<(bytes.count / 8)).map {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
      }
    }
  }
}

typealias NumberStore = StorageEngine<NumberHead>

extension StorageEngine where Head == NumberHead {
  static func open(
    _ folder: String, _ fileSystem: any FileSystem, clock: any WallClock = SystemClock(),
    hooks: NumberHead.Hooks = NumberHead.Hooks(),
    configure: (inout StorageConfiguration) -> Void = { _ in }
  ) async throws(StorageError) -> NumberStore {
    var configuration = StorageConfiguration(name: "numbers", folder: folder, kind: .logs)
    configuration.wal.fileBytes = 16 << 10
    configuration.freeBytesMin = 0
    configuration.checkInterval = .milliseconds(20)
    configuration.memoryReserveShare = 0
    configuration.compactionShare = 0
    configure(&configuration)
    return try await open(configuration, fileSystem: fileSystem, clock: clock) {
      NumberHead(hooks)
    }
  }

  func add(_ numbers: [UInt64]) async throws(StorageError) {
    try await append(kind: 1, parts: [NumberHead.encode(numbers)]) { $0.add(numbers) }
  }

  /// All numbers that can be read, and the pages that could not.
  func read() -> (numbers: [UInt64], faults: [StorageError]) {
    let snapshot = snapshot()
    var numbers = snapshot.heads.flatMap(\.numbers)
    var faults: [StorageError] = []
    for segment in snapshot.segments {
      for page in segment.pages.indices {
        do throws(StorageError) {
          let found = try NumberHead.decode(try segment.page(page))
          let tombstones = snapshot.tombstonePlaces(for: segment).map { snapshot.tombstones[$0] }
          numbers += found.filter { !NumberHead.isDeleted($0, tombstones) }
        } catch {
          faults.append(error)
        }
      }
    }
    return (numbers.sorted(), faults)
  }
}
