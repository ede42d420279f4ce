import LogQL
import TelemetryModel

/// Reads the numbers of labels as Go does, over bytes.
enum NumberText {
  /// Why a text is no number, in Go's words.
  struct Failure: Error, Hashable {
    let message: String
  }

  private static let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  /// As Go's `strconv.ParseFloat(text, 64)`.
  static func float(_ text: UnsafeRawBufferPointer) throws(Failure) -> Double {
    if let plain = plainDecimal(text) { return plain }
    let copy = String(decoding: text, as: UTF8.self)
    let invalid = Failure(
      message: "strconv.ParseFloat: parsing \(quotedGo(copy)): invalid syntax")
    guard let first = text.first, first > 0x20, !copy.hasPrefix("nan("), !copy.hasPrefix("NaN("),
      !copy.contains("("), let value = Double(copy)
    else { throw invalid }
    if value.isInfinite, !copy.lowercased().contains("inf") {
      throw Failure(
        message: "strconv.ParseFloat: parsing \(quotedGo(copy)): value out of range")
    }
    // Go wants the exponent of a hexadecimal number.
    if copy.lowercased().contains("0x"), !copy.lowercased().contains("p") { throw invalid }
    if value.isNaN, copy.count != 3 { throw invalid }
    return value
  }

  /// Digits with a point, at most fifteen of them: exact in one division (W. Clinger). nil for
  /// what needs the long way.
  private static func plainDecimal(_ text: UnsafeRawBufferPointer) -> Double? {
    var at = 0
    let isNegative = text.first == UInt8(ascii: "-")
    if isNegative { at = 1 }
    var mantissa: UInt64 = 0
    var digits = 0
    var decimals = 0
    var sawPoint = false
    while at < text.count {
      let byte = text[at]
      if byte >= 0x30, byte <= 0x39 {
        mantissa = mantissa &* 10 &+ UInt64(byte &- 0x30)
        digits += 1
        if sawPoint { decimals += 1 }
      } else if byte == UInt8(ascii: "."), !sawPoint {
        sawPoint = true
      } else {
        return nil
      }
      at += 1
    }
    guard digits > 0, digits <= 15 else { return nil }
    let value = Double(mantissa) / powersOfTen[decimals]
    return isNegative ? -value : value
  }

  /// As Go's `time.ParseDuration`.
  static func duration(_ text: UnsafeRawBufferPointer) throws(Failure) -> TimeSpan {
    if let span = DurationText.parseGo(text) { return span }
    do {
      return try TimeSpan(goDuration: String(decoding: text, as: UTF8.self))
    } catch {
      throw Failure(message: error.message)
    }
  }

  /// As `humanize.ParseBytes`: `1.5 KiB`, `10MB`, `900k`, `1,024`.
  static func byteSize(_ text: UnsafeRawBufferPointer) throws(Failure) -> UInt64 {
    var end = 0
    var hasComma = false
    while end < text.count {
      let byte = text[end]
      if byte == UInt8(ascii: ",") { hasComma = true }
      guard (byte >= 0x30 && byte <= 0x39) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ",")
      else { break }
      end += 1
    }
    let head = UnsafeRawBufferPointer(rebasing: text[..<end])
    let number: Double
    if hasComma {
      let arena = ByteArena()
      number = try float(arena.copy(head.filter { $0 != UInt8(ascii: ",") }))
    } else {
      number = try float(head)
    }
    let unit = UnsafeRawBufferPointer(rebasing: text[end...])
    guard let scale = scale(unit) else {
      var name = Substring(String(decoding: unit, as: UTF8.self))
      name = name.drop { $0.isWhitespace }
      while name.last?.isWhitespace == true { name.removeLast() }
      throw Failure(message: "unhandled size name: \(name.lowercased())")
    }
    let size = number * scale
    guard size < 18_446_744_073_709_551_616 else {
      throw Failure(message: "too large: \(String(decoding: text, as: UTF8.self))")
    }
    return UInt64(size)
  }

  /// Letters of either case with blanks around them: `b`, `k`, `kb`, `ki`, `kib` up to `e`.
  private static func scale(_ unit: UnsafeRawBufferPointer) -> Double? {
    var low = 0
    var high = unit.count
    while low < high, isBlank(unit[low]) { low += 1 }
    while high > low, isBlank(unit[high - 1]) { high -= 1 }
    let letters = unit[low..<high]
    if letters.isEmpty { return 1 }
    let first = unit[low] | 0x20
    if first == UInt8(ascii: "b") { return letters.count == 1 ? 1 : nil }
    guard letters.count <= 3, let power = Array("kmgtpe".utf8).firstIndex(of: first) else {
      return nil
    }
    let rest = letters.dropFirst().map { $0 | 0x20 }
    let base: Double
    switch String(decoding: rest, as: UTF8.self) {
    case "", "b": base = 1000
    case "i", "ib": base = 1024
    default: return nil
    }
    var scale = base
    for _ in 0..<power { scale *= base }
    return scale
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || (byte >= 0x09 && byte <= 0x0d)
  }
}

/// `text` in quotes as Go's `%q` writes it.
func quotedGo(_ text: String) -> String { quoted(text) }
