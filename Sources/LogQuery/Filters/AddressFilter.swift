import LogQL

/// `ip("…")`: looks for an address of a range anywhere in a text.
///
/// The pattern is an address, a range `a-b` or a prefix `a/bits`.
struct AddressFilter {
  private let range: ClosedRange<IPAddress>

  init(_ pattern: String) throws(LogQLError) {
    guard let range = AddressFilter.range(Array(pattern.utf8)) else {
      throw LogQLError("ip: invalid pattern: \(quotedGo(pattern))")
    }
    self.range = range
  }

  private static func range(_ pattern: [UInt8]) -> ClosedRange<IPAddress>? {
    if let single = IPAddress(pattern) { return single...single }
    if let slash = pattern.lastIndex(of: UInt8(ascii: "/")) {
      let digits = pattern[(slash + 1)...]
      guard let address = IPAddress(pattern[..<slash]), (1...3).contains(digits.count),
        digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), digits.count == 1 || digits.first != 0x30,
        let count = Int(String(decoding: digits, as: UTF8.self)), count <= address.bitCount
      else { return nil }
      let first = address.prefix(count)
      return first...first.last(behind: count)
    }
    guard let dash = pattern.firstIndex(of: UInt8(ascii: "-")),
      let low = IPAddress(trimmed(pattern[..<dash])),
      let high = IPAddress(trimmed(pattern[(dash + 1)...])), low.isV4 == high.isV4, low <= high
    else { return nil }
    return low...high
  }

  private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let text = text.drop { $0 == UInt8(ascii: " ") }
    guard let last = text.lastIndex(where: { $0 != UInt8(ascii: " ") }) else { return [] }
    return text[...last]
  }

  /// Whether an address of the range stands in `text`.
  ///
  /// Candidates are found as Loki finds them: a digit with a point among the next three bytes, or
  /// hexadecimal digits with a colon behind, and then as far as an address' characters go.
  func holdsSomewhere(in text: UnsafeRawBufferPointer) -> Bool {
    var at = 0
    while at < text.count {
      let isV4 = AddressFilter.mayStartV4(text, at)
      guard isV4 || AddressFilter.mayStartV6(text, at) else {
        at += 1
        continue
      }
      var end = at
      while end < text.count, AddressFilter.isAddressByte(text[end], isV4: isV4) { end += 1 }
      if let address = IPAddress(text[at..<end]), address.isV4 == range.lowerBound.isV4,
        range.contains(address)
      {
        return true
      }
      at = end + 1
    }
    return false
  }

  private static func isAddressByte(_ byte: UInt8, isV4: Bool) -> Bool {
    if byte == UInt8(ascii: ".") || (byte >= 0x30 && byte <= 0x39) { return true }
    return !isV4 && (byte == UInt8(ascii: ":") || isHexDigit(byte))
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    let lower = byte | 0x20
    return (byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x66)
  }

  private static func mayStartV4(_ text: UnsafeRawBufferPointer, _ at: Int) -> Bool {
    guard at + 3 < text.count, text[at] >= 0x30, text[at] <= 0x39 else { return false }
    let point = UInt8(ascii: ".")
    return text[at + 1] == point || text[at + 2] == point || text[at + 3] == point
  }

  private static func mayStartV6(_ text: UnsafeRawBufferPointer, _ at: Int) -> Bool {
    let colon = UInt8(ascii: ":")
    func byte(_ ahead: Int) -> UInt8 { at + ahead < text.count ? text[at + ahead] : 0 }
    if text[at] == colon { return byte(1) == colon && isHexDigit(byte(2)) }
    for ahead in 0..<4 {
      guard isHexDigit(byte(ahead)) else { return false }
      if byte(ahead + 1) == colon { return true }
    }
    return false
  }
}

extension IPAddress {
  /// The last address with the same first `count` bits.
  func last(behind count: Int) -> IPAddress {
    var address = self
    if isV4 {
      address.low |= count == 32 ? 0 : UInt64(UInt32.max >> UInt32(count))
    } else if count <= 64 {
      address.high |= count == 64 ? 0 : UInt64.max >> UInt64(count)
      address.low = .max
    } else {
      address.low |= count == 128 ? 0 : UInt64.max >> UInt64(count - 64)
    }
    return address
  }
}
