import Foundation
import FuzzTargets
import TestSupport
import Testing

/// What the fuzzer has kept, one file an input, is fed to each target again.
@Suite struct CorpusTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fuzz/Corpus")

  @Test(arguments: FuzzTarget.all.map(\.name)) func theCorpusPasses(_ name: String) throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    let folder = Self.folder.appending(path: name)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted()
    #expect(!files.isEmpty, "the corpus of \(name) is empty")
    for file in files {
      let bytes = try Data(contentsOf: folder.appending(path: file))
      bytes.withUnsafeBytes { target.run($0) }
    }
  }

  /// Inputs that are made from today's formats; SLUICE_RECORD_CORPUS=1 puts them into the corpus.
  @Test func theSeedsPass() throws {
    let isRecording = ProcessInfo.processInfo.environment["SLUICE_RECORD_CORPUS"] != nil
    for seed in FuzzTarget.seeds {
      let target = try #require(FuzzTarget.all.first { $0.name == seed.target })
      seed.bytes.withUnsafeBytes { target.run($0) }
      guard isRecording else { continue }
      let folder = Self.folder.appending(path: seed.target)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(seed.bytes).write(to: folder.appending(path: seed.name))
    }
  }

  /// A thousand inputs near those of the corpus: bits turned, parts cut out or doubled. They are
  /// the same in every run; `SLUICE_RANDOM_SEED` asks for others.
  @Test(arguments: FuzzTarget.all.map(\.name)) func neighboursOfTheCorpusPass(_ name: String)
    throws
  {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    let folder = Self.folder.appending(path: name)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted()
    let seed = ProcessInfo.processInfo.environment["SLUICE_RANDOM_SEED"].flatMap { UInt64($0) } ?? 0
    var random = RandomSource(seed: seed)
    for _ in 0..<1000 {
      guard let file = files.randomElement(using: &random) else { return }
      var bytes = Array(try Data(contentsOf: folder.appending(path: file)))
      for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
        let at = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[at] = .random(in: 0...255, using: &random)
        case 2:
          bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...32, using: &random)))
        default: bytes.insert(contentsOf: bytes[at...].prefix(40), at: at)
        }
      }
      // The input of a trap is found in the folder for temporary files.
      let kept = FileManager.default.temporaryDirectory.appending(path: "fuzz-\(name).last")
      try Data(bytes).write(to: kept)
      bytes.withUnsafeBytes { target.run($0) }
      try? FileManager.default.removeItem(at: kept)
    }
  }
}
