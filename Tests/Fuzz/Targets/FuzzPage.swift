import Bytes
@testable import LogStore

/// Takes an input apart: numbers, and parts after their length, both one byte.
struct InputParts {
  private let input: UnsafeRawBufferPointer
  private var at = 0

  init(_ input: UnsafeRawBufferPointer) { self.input = input }

  /// The next byte, 0 behind the end.
  mutating func byte() -> UInt8 {
    guard at < input.count else { return 0 }
    defer { at += 1 }
    return input[at]
  }

  /// The part that the next byte gives the length of, as far as there are bytes.
  mutating func take() -> [UInt8] {
    let count = Int(byte())
    let end = min(input.count, at + count)
    defer { at = end }
    return Array(input[at..<end])
  }

  /// All parts that follow.
  mutating func rest() -> [[UInt8]] {
    var parts: [[UInt8]] = []
    while at < input.count { parts.append(take()) }
    return parts
  }
}

/// Pages around what is fuzzed, kept uncompressed so that every byte of an input counts.
enum FuzzPage {
  /// A column block of one stream, or of two of which the first has `firstRows`.
  static func columns(
    rows: Int, header: [UInt8], streams: [[UInt8]], kind: LogBlockKind = .columns,
    firstRows: Int? = nil
  ) -> [UInt8] {
    var page: [UInt8] = [kind.rawValue]
    page.appendVarint(UInt64(rows))
    page.appendVarint(UInt64(rows * 32))
    if let firstRows {
      page += [2, 0]
      page.appendVarint(UInt64(firstRows))
      page.append(1)
    } else {
      page += [1, 0]
    }
    page.appendVarint(UInt64(rows - (firstRows ?? 0)))
    appendStored(header, to: &page)
    var directory: [UInt8] = []
    directory.appendVarint(UInt64(streams.count))
    for stream in streams { directory.appendVarint(UInt64(stream.count)) }
    appendStored(directory, to: &page)
    appendStored(streams.flatMap { $0 }, to: &page)
    return page
  }

  /// `length | kind 0, length, bytes`
  static func appendStored(_ bytes: [UInt8], to page: inout [UInt8]) {
    page.appendVarint(UInt64(bytes.count))
    page.append(0)
    page.appendVarint(UInt64(bytes.count))
    page.append(contentsOf: bytes)
  }

  /// Whether the form's strings are words, which hold no blanks.
  static func wordsAlone(_ form: ColumnForm) -> Bool { form == .words }

  static let strings = segment([
    "", "info", "error", "lease renewed", "\u{11}", "\u{11}-\u{12}", "a\u{11}b",
    "x=\u{11} y=\u{11}",
    "a", "aa", "0", "10.0.\u{11}.1", "\u{12}",
  ])
  static let words = segment(["", "info", "error", "lease", "renewed", "a", "aa", "0", "1"])
  /// One shape of each kind, and one of two slots.
  static let shapes = segment(
    ["", "info", "a\u{11}b", "error"],
    lines: [
      (.text, "took \u{11} ms"), (.json, "{\"a\":\"\u{11}\",\"b\":\u{11}}"),
      (.json, "{\"a\":\"\u{12}\",\"c\":null,\"d\":{\"e\":\u{11}}}"),
      (.logfmt, "level=\u{11} msg=\"\u{11}\""),
    ], metadata: [["detected_level"], ["detected_level", "trace_id"]])

  private static func segment(
    _ texts: [String], lines: [(LineShape.Kind, String)] = [], metadata: [[String]] = []
  ) -> SegmentColumns {
    var strings = SegmentStrings()
    for text in texts {
      _ = Array(text.utf8).withUnsafeBytes { strings.number($0, [.value, .pattern, .word]) }
    }
    var shapes = SegmentShapes()
    _ = shapes.number(.text, [LineShape.clean])
    for (kind, text) in lines { _ = shapes.number(kind, Array(text.utf8)) }
    for names in metadata { _ = shapes.metadata(names) }
    guard let made = try? SegmentColumns(SegmentColumns.encode(strings, shapes, [])) else {
      preconditionFailure("the target's own segment cannot be read")
    }
    return made
  }
}
