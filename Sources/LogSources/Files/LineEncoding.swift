import LinuxIO

/// How the bytes of a file are text: where lines end, and what they are in UTF-8.
///
/// For one thread.
package final class LineEncoding {
  /// Which of two bytes comes first, where a unit has two.
  enum Unit: Hashable {
    case byte, littleEndian, bigEndian

    var width: Int { self == .byte ? 1 : 2 }
  }

  /// UTF-16 whose byte order the file's first bytes tell.
  private let isUTF16OfEitherOrder: Bool
  private let fixed: Unit
  private let decoder: TextDecoder?
  private let bigEndian: TextDecoder?

  /// As it is: UTF-8, or bytes of no known encoding.
  package static var utf8: LineEncoding {
    LineEncoding(isUTF16OfEitherOrder: false, fixed: .byte, decoder: nil, bigEndian: nil)
  }

  private init(
    isUTF16OfEitherOrder: Bool, fixed: Unit, decoder: TextDecoder?, bigEndian: TextDecoder?
  ) {
    self.isUTF16OfEitherOrder = isUTF16OfEitherOrder
    self.fixed = fixed
    self.decoder = decoder
    self.bigEndian = bigEndian
  }

  /// nil for a name that is unknown, or whose lines cannot be told apart (UTF-32).
  package convenience init?(name: String) {
    let name = name.lowercased()
    switch name {
    case "", "utf-8", "utf8", "us-ascii", "ascii":
      self.init(isUTF16OfEitherOrder: false, fixed: .byte, decoder: nil, bigEndian: nil)
    case "utf-16", "utf16", "ucs-2", "unicode":
      self.init(
        isUTF16OfEitherOrder: true, fixed: .littleEndian,
        decoder: TextDecoder(encoding: "UTF-16LE"), bigEndian: TextDecoder(encoding: "UTF-16BE"))
    case "utf-16le", "utf-16be":
      self.init(
        isUTF16OfEitherOrder: false, fixed: name == "utf-16le" ? .littleEndian : .bigEndian,
        decoder: TextDecoder(encoding: "UTF-16LE"), bigEndian: TextDecoder(encoding: "UTF-16BE"))
    default:
      guard !name.hasPrefix("utf-32"), !name.hasPrefix("utf-7"), !name.hasPrefix("ucs-4"),
        let decoder = TextDecoder(encoding: name)
      else { return nil }
      self.init(isUTF16OfEitherOrder: false, fixed: .byte, decoder: decoder, bigEndian: nil)
    }
  }

  /// The units of `file`, by its byte order mark where that decides.
  func unit(of file: any File) throws(SystemError) -> Unit {
    guard isUTF16OfEitherOrder else { return fixed }
    return try file.readBytes(at: 0, count: 2) == [0xfe, 0xff] ? .bigEndian : .littleEndian
  }

  /// Calls `body` with a line in UTF-8, without its carriage return and byte order mark.
  func decode<T>(
    _ line: UnsafeRawBufferPointer, _ unit: Unit, _ body: (UnsafeRawBufferPointer) -> T
  ) -> T {
    let line = Self.withoutReturn(line, unit)
    guard let decoder = unit == .bigEndian ? bigEndian : decoder else { return body(line) }
    return decoder.decode(line) { text in
      let hasMark = text.count >= 3 && text[0] == 0xef && text[1] == 0xbb && text[2] == 0xbf
      return body(hasMark ? UnsafeRawBufferPointer(rebasing: text[3...]) : text)
    }
  }

  private static func withoutReturn(_ line: UnsafeRawBufferPointer, _ unit: Unit)
    -> UnsafeRawBufferPointer
  {
    let count = line.count
    let hasReturn =
      switch unit {
      case .byte: line.last == 13
      case .littleEndian: count >= 2 && line[count - 2] == 13 && line[count - 1] == 0
      case .bigEndian: count >= 2 && line[count - 2] == 0 && line[count - 1] == 13
      }
    return hasReturn ? UnsafeRawBufferPointer(rebasing: line.dropLast(unit.width)) : line
  }
}
