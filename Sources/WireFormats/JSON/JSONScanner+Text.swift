/// Making text and numbers of what a token points at.
extension JSONScanner {
  /// The bytes of `range`, borrowed from the text.
  package func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: text[range])
  }

  /// Whether the string `value` is exactly `name`, escapes resolved.
  package func equals(_ value: JSONText, _ name: StaticString) -> Bool {
    if value.hasEscapes {
      var out: [UInt8] = []
      unescape(value, into: &out)
      return out.elementsEqual(
        UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }
    guard value.range.count == name.utf8CodeUnitCount else { return false }
    return bytes(value.range).elementsEqual(
      UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
  }

  /// Appends the string's bytes to `out` with its escapes resolved.
  ///
  /// Surrogate pairs are joined, lone ones become U+FFFD. Bytes that are not UTF-8 stay.
  package func unescape(_ value: JSONText, into out: inout [UInt8]) {
    guard value.hasEscapes else {
      out.append(contentsOf: bytes(value.range))
      return
    }
    var at = value.range.lowerBound
    let end = value.range.upperBound
    while at < end {
      var stop = at
      while stop < end, text[stop] != UInt8(ascii: "\\") { stop += 1 }
      out.append(contentsOf: bytes(at..<stop))
      at = stop
      guard at + 1 < end else { return }
      at = resolveEscape(at, end: end, into: &out)
    }
  }

  /// The string with its escapes resolved and what is not UTF-8 replaced by U+FFFD.
  package func string(_ value: JSONText) -> String {
    guard value.hasEscapes else { return String(decoding: bytes(value.range), as: UTF8.self) }
    var out: [UInt8] = []
    out.reserveCapacity(value.range.count)
    unescape(value, into: &out)
    return String(decoding: out, as: UTF8.self)
  }

  /// The number as written.
  package func string(_ number: Range<Int>) -> String {
    String(decoding: bytes(number), as: UTF8.self)
  }

  /// Resolves the checked escape at `at`, which is its backslash; returns the index behind it.
  private func resolveEscape(_ at: Int, end: Int, into out: inout [UInt8]) -> Int {
    switch text[at + 1] {
    case UInt8(ascii: "b"): out.append(8)
    case UInt8(ascii: "f"): out.append(12)
    case UInt8(ascii: "n"): out.append(10)
    case UInt8(ascii: "r"): out.append(13)
    case UInt8(ascii: "t"): out.append(9)
    case UInt8(ascii: "u"):
      guard let unit = codeUnit(at, end: end) else { return end }
      var next = at + 6
      var scalar = Unicode.Scalar(unit)
      if unit & 0xfc00 == 0xd800, let low = codeUnit(next, end: end), low & 0xfc00 == 0xdc00 {
        scalar = Unicode.Scalar(0x10000 + (unit & 0x3ff) << 10 + (low & 0x3ff))
        next += 6
      }
      out.append(contentsOf: UTF8.encode(scalar ?? "\u{fffd}") ?? UTF8.encodedReplacementCharacter)
      return next
    case let plain: out.append(plain)
    }
    return at + 2
  }

  /// The 16 bits of a `\uXXXX` at `at`, or nil when there is none.
  private func codeUnit(_ at: Int, end: Int) -> UInt32? {
    guard at + 6 <= end, text[at] == UInt8(ascii: "\\"), text[at + 1] == UInt8(ascii: "u") else {
      return nil
    }
    var unit: UInt32 = 0
    for index in (at + 2)..<(at + 6) {
      guard let digit = JSONScanner.hexValue(text[index]) else { return nil }
      unit = unit << 4 | digit
    }
    return unit
  }
}
