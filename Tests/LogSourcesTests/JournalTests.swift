import Bytes
import Foundation
import LogSources
import TestSupport
import Testing
import WireFormats

@Suite struct JournalMatchesTests {
  @Test func groupsAndTermsAreTakenApart() throws {
    #expect(try JournalMatches("").groups.isEmpty)
    #expect(
      try JournalMatches("_SYSTEMD_UNIT=a.service PRIORITY=3 + _UID=0").groups
        == [["_SYSTEMD_UNIT=a.service", "PRIORITY=3"], ["_UID=0"]])
  }

  @Test(arguments: ["unit=a", "A", "=x", "+ A=1", "A=1 +", "A=1 + + B=2"])
  func whatIsNoMatchIsRefused(text: String) {
    #expect(throws: LogSourcesError.self) { try JournalMatches(text) }
  }
}

@Suite struct JournalPositionTests {
  @Test func comesBackAsItWasStored() throws {
    let position = JournalPosition(cursor: "s=1;i=2", held: ["s=1;i=1", ""])
    #expect(try JournalPosition(encoded: position.encoded()) == position)
    for count in 0..<position.encoded().count {
      #expect(throws: ByteError.self) {
        try JournalPosition(encoded: Array(position.encoded()[..<count]))
      }
    }
  }
}

/// Reads journal files that systemd's own tool wrote from journal export format.
@Suite struct JournalReaderTests {
  static let tool = "/lib/systemd/systemd-journal-remote"

  /// A folder with a journal of these entries; nil (with a message) where the tool is absent.
  static func journal(_ entries: [[(String, [UInt8])]]) throws -> TemporaryFolder? {
    guard FileManager.default.isExecutableFile(atPath: tool) else {
      print("skipped: there is no \(tool)")
      return nil
    }
    let folder = TemporaryFolder()
    try add(entries, to: folder("test.journal"))
    return folder
  }

  static func add(_ entries: [[(String, [UInt8])]], to path: String, from first: Int = 0) throws {
    var export: [UInt8] = []
    for (index, fields) in entries.enumerated() {
      // An hour ago, one a second.
      let time = startMicroseconds + UInt64(first + index) * 1_000_000
      export.append(utf8: "__REALTIME_TIMESTAMP=\(time)\n")
      export.append(utf8: "__MONOTONIC_TIMESTAMP=\(1_000_000 * (first + index + 1))\n")
      export.append(utf8: "_BOOT_ID=11111111111111111111111111111111\n")
      for (name, value) in fields {
        if value.allSatisfy({ $0 >= 32 && $0 < 127 }) {
          export.append(utf8: "\(name)=")
          export += value + [10]
        } else {
          export.append(utf8: "\(name)\n")
          export.appendLittleEndian(UInt64(value.count))
          export += value + [10]
        }
      }
      export.append(10)
    }
    let process = Process()
    process.executableURL = URL(filePath: tool)
    process.arguments = ["--split-mode=none", "--output=\(path)", "-"]
    let input = Pipe()
    process.standardInput = input
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    input.fileHandleForWriting.write(Data(export))
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
  }

  static let startMicroseconds = UInt64(Date().timeIntervalSince1970 - 3600) * 1_000_000
  static var now: UInt64 { UInt64(Date().timeIntervalSince1970) * 1_000_000 }

  static func message(_ text: String, _ more: [(String, String)] = []) -> [(String, [UInt8])] {
    [("MESSAGE", Array(text.utf8))] + more.map { ($0.0, Array($0.1.utf8)) }
  }

  static func messages(_ reader: JournalReader) throws -> [String] {
    var entry = JournalEntry()
    var messages: [String] = []
    while try reader.next(into: &entry) {
      guard let range = entry.value(of: "MESSAGE") else { continue }
      messages.append(entry.withBytes(range) { String(decoding: $0, as: UTF8.self) })
    }
    return messages
  }

  static func reader(
    _ folder: TemporaryFolder, after cursor: String? = nil, at moment: UInt64 = Self.now,
    _ change: (inout JournalSettings) throws -> Void = { _ in }
  ) throws -> JournalReader {
    var settings = JournalSettings()
    settings.folder = folder.path
    try change(&settings)
    let reader = try JournalReader(settings)
    try reader.seek(after: cursor, nowMicroseconds: moment)
    return reader
  }

  @Test func goesOnAfterAnyCursor() throws {
    let all = (0..<20).map { "message \($0)" }
    guard let folder = try Self.journal(all.map { Self.message($0) }) else { return }
    #expect(try Self.messages(try Self.reader(folder)) == all)
    let first = try Self.reader(folder)
    var entry = JournalEntry()
    for index in 0..<20 {
      #expect(try first.next(into: &entry))
      let cursor = try #require(first.cursor)
      #expect(
        try Self.messages(try Self.reader(folder, after: cursor)) == Array(all[(index + 1)...]))
      var again = JournalEntry()
      #expect(try Self.reader(folder).read(at: cursor, into: &again))
      #expect(again.realtimeMicroseconds == entry.realtimeMicroseconds)
    }
    #expect(try !first.next(into: &entry))
    #expect(first.cursor != nil, "the place is known at the end too")
  }

  @Test func agesMatchesAndBothGroupsCount() throws {
    let entries = (0..<12).map {
      Self.message("m\($0)", [("UNIT_NAME", "u\($0 % 3)"), ("LEVEL", "\($0 % 2)")])
    }
    guard let folder = try Self.journal(entries) else { return }
    func read(_ matches: String) throws -> [String] {
      try Self.messages(
        try Self.reader(folder) { $0.matches = try JournalMatches(matches) })
    }
    #expect(try read("UNIT_NAME=u1") == ["m1", "m4", "m7", "m10"])
    #expect(try read("UNIT_NAME=u1 LEVEL=0") == ["m4", "m10"])
    #expect(try read("UNIT_NAME=u1 UNIT_NAME=u2 LEVEL=0") == ["m2", "m4", "m8", "m10"])
    #expect(try read("UNIT_NAME=u1 LEVEL=0 + UNIT_NAME=u0 LEVEL=1") == ["m3", "m4", "m9", "m10"])
    // One moment for both: a second may end between two looks at the clock.
    let now = Self.now
    let age = now - Self.startMicroseconds - 8_500_000
    let young = try Self.messages(
      try Self.reader(folder, at: now) { $0.ageMaxMicroseconds = age })
    #expect(young == ["m9", "m10", "m11"])
  }

  @Test func aCursorThatIsGoneOrOfAnotherFileLeadsToTheNextEntry() throws {
    guard let folder = try Self.journal((0..<5).map { Self.message("a\($0)") }) else { return }
    let reader = try Self.reader(folder)
    var entry = JournalEntry()
    for _ in 0..<5 { _ = try reader.next(into: &entry) }
    let cursor = try #require(reader.cursor)
    // The old file is vacuumed; a younger one has come.
    try Self.add((0..<5).map { Self.message("b\($0)") }, to: folder("new.journal"), from: 10)
    try FileManager.default.removeItem(atPath: folder("test.journal"))
    #expect(
      try Self.messages(try Self.reader(folder, after: cursor)) == (0..<5).map { "b\($0)" })
  }

  @Test func jsonHasEveryFieldAndArraysForRepeatedOnes() throws {
    let fields: [(String, [UInt8])] = [
      ("MESSAGE", Array("a \"quoted\" line".utf8)), ("TAG", Array("one".utf8)),
      ("TAG", Array("two".utf8)), ("BINARY", [0xff, 0x00, 0x41]), ("PRIORITY", Array("3".utf8)),
    ]
    guard let folder = try Self.journal([fields]) else { return }
    let reader = try Self.reader(folder)
    var entry = JournalEntry()
    #expect(try reader.next(into: &entry))
    var writer = JSONWriter()
    entry.writeJSON(&writer)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String: Any])
    #expect(object["MESSAGE"] as? String == "a \"quoted\" line")
    #expect((object["TAG"] as? [String])?.sorted() == ["one", "two"])
    #expect(object["BINARY"] as? String == "\u{fffd}\0A")
    let labels = entry.metaLabels()
    #expect(labels["__journal_priority"] == "3")
    #expect(labels["__journal_priority_keyword"] == "error")
    #expect(labels["__journal__boot_id"] == "11111111111111111111111111111111")
  }

  @Test func longValuesAreCut() throws {
    let long = String(repeating: "z", count: 300_000)
    guard let folder = try Self.journal([Self.message(long)]) else { return }
    let reader = try Self.reader(folder) {
      $0.valueBytesMax = 1000
      $0.fields = []
    }
    #expect(try Self.messages(reader) == [String(long.prefix(1000))])
  }

  @Test func damagedFilesAreReadAsFarAsTheyGo() throws {
    guard let folder = try Self.journal((0..<200).map { Self.message("message \($0)") }) else {
      return
    }
    let path = folder("test.journal")
    let whole = try #require(FileManager.default.contents(atPath: path))
    var random = RandomSource(seed: 7)
    for _ in 0..<40 {
      var damaged = whole
      for _ in 0..<4 { damaged[Int(random.next() % UInt64(whole.count))] ^= 0xff }
      try damaged.write(to: URL(filePath: path))
      // An error or fewer entries, but an end.
      guard let reader = try? Self.reader(folder) else { continue }
      var entry = JournalEntry()
      var count = 0
      while count < 10_000, (try? reader.next(into: &entry)) == true { count += 1 }
      #expect(count <= 400)
    }
  }
}
