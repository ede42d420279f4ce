/// An IPv4 or IPv6 address; the two never equal each other, as Go's `netip.Addr`.
struct IPAddress: Hashable, Comparable {
  /// Whether it is one of 32 bits.
  var isV4: Bool
  var high: UInt64
  var low: UInt64

  var bitCount: Int { isV4 ? 32 : 128 }

  static func < (a: IPAddress, b: IPAddress) -> Bool {
    if a.isV4 != b.isV4 { return a.isV4 }
    return a.high == b.high ? a.low < b.low : a.high < b.high
  }

  /// The same with the bits behind the first `count` zero.
  func prefix(_ count: Int) -> IPAddress {
    func cut(_ value: UInt64, _ width: Int, _ kept: Int) -> UInt64 {
      if kept <= 0 { return 0 }
      return kept >= width ? value : (value >> UInt64(width - kept)) << UInt64(width - kept)
    }
    if isV4 { return IPAddress(isV4: true, high: 0, low: cut(low, 32, count)) }
    return IPAddress(isV4: false, high: cut(high, 64, count), low: cut(low, 64, count - 64))
  }

  /// Reads `192.168.0.1`, `2001:db8::1`, `::ffff:1.2.3.4`; nil for anything else. Zones
  /// (`fe80::1%eth0`) are refused: no address of a query has one.
  init?(_ text: some Collection<UInt8>) {
    let bytes = Array(text)
    guard bytes.count <= 45 else { return nil }
    if bytes.contains(UInt8(ascii: ":")) {
      guard let words = IPAddress.words(bytes) else { return nil }
      isV4 = false
      high = words[0..<4].reduce(0) { $0 << 16 | UInt64($1) }
      low = words[4..<8].reduce(0) { $0 << 16 | UInt64($1) }
    } else {
      guard let value = IPAddress.dotted(bytes[...]) else { return nil }
      isV4 = true
      high = 0
      low = UInt64(value)
    }
  }

  private init(isV4: Bool, high: UInt64, low: UInt64) {
    self.isV4 = isV4
    self.high = high
    self.low = low
  }

  /// Four numbers without leading zeros.
  private static func dotted(_ bytes: ArraySlice<UInt8>) -> UInt32? {
    let fields = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard fields.count == 4 else { return nil }
    var value: UInt32 = 0
    for field in fields {
      guard (1...3).contains(field.count), field.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
        field.count == 1 || field.first != 0x30
      else { return nil }
      let number = field.reduce(0) { $0 * 10 + Int($1 - 0x30) }
      guard number <= 255 else { return nil }
      value = value << 8 | UInt32(number)
    }
    return value
  }

  private static func words(_ bytes: [UInt8]) -> [UInt16]? {
    let colon = UInt8(ascii: ":")
    var front: [UInt16] = []
    var back: [UInt16] = []
    var gap = false
    var at = 0
    if bytes.starts(with: [colon, colon]) {
      gap = true
      at = 2
    }
    while at < bytes.count {
      let end = bytes[at...].firstIndex(of: colon) ?? bytes.count
      let field = bytes[at..<end]
      if field.contains(UInt8(ascii: ".")) {
        guard end == bytes.count, let value = dotted(field) else { return nil }
        for word in [UInt16(value >> 16), UInt16(value & 0xffff)] {
          if gap { back.append(word) } else { front.append(word) }
        }
        at = end
        break
      }
      guard (1...4).contains(field.count),
        let word = UInt16(String(decoding: field, as: UTF8.self), radix: 16),
        field.first != UInt8(ascii: "+")
      else { return nil }
      if gap { back.append(word) } else { front.append(word) }
      at = end
      guard at < bytes.count else { break }
      at += 1
      // A single colon at the end is wrong; two open the gap, once.
      guard at < bytes.count else { return nil }
      if bytes[at] == colon {
        guard !gap else { return nil }
        gap = true
        at += 1
      }
    }
    let count = front.count + back.count
    guard gap ? count <= 7 : count == 8 else { return nil }
    return front + [UInt16](repeating: 0, count: 8 - count) + back
  }
}
