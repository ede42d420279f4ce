/// Addresses of the Internet Protocol as text, brought into their one usual form.
package enum IPAddressText: Hashable, Sendable {
  /// Dotted, such as `10.0.0.1`.
  case v4(String)
  /// As RFC 5952 has it, such as `2001:db8::1`.
  case v6(String)

  /// nil for what is not an address. IPv4 mapped into IPv6 counts as IPv4.
  package init?(_ text: String) {
    guard text.utf8.count <= 45 else { return nil }
    if let octets = Self.octets(text[...]) {
      self = .v4(Self.text(octets))
    } else if let groups = Self.groups(text) {
      self.init(groups: groups)
    } else {
      return nil
    }
  }

  /// Of the 4 or 16 bytes on the wire, most significant first; nil for another count.
  package init?(bytes: [UInt8]) {
    switch bytes.count {
    case 4: self = .v4(Self.text(bytes))
    case 16:
      self.init(
        groups: stride(from: 0, to: 16, by: 2).map {
          UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])
        })
    default: return nil
    }
  }

  private init(groups: [UInt16]) {
    if groups[0..<5].allSatisfy({ $0 == 0 }), groups[5] == 0xffff {
      self = .v4(Self.text(groups[6...].flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }))
    } else {
      self = .v6(Self.text(groups))
    }
  }

  private static func octets(_ text: Substring) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var octets: [UInt8] = []
    for part in parts {
      guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        part == "0" || part.first != "0", let octet = UInt8(part)
      else { return nil }
      octets.append(octet)
    }
    return octets
  }

  /// The eight groups of an IPv6 address.
  private static func groups(_ text: String) -> [UInt16]? {
    guard let gap = text.firstRange(of: "::") else {
      guard let groups = groups(text[...], last: true), groups.count == 8 else { return nil }
      return groups
    }
    guard let head = groups(text[..<gap.lowerBound], last: false),
      let tail = groups(text[gap.upperBound...], last: true), head.count + tail.count <= 7
    else { return nil }
    return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
  }

  /// Groups between colons; the last may be an IPv4 address, which makes two groups.
  private static func groups(_ text: Substring, last: Bool) -> [UInt16]? {
    guard !text.isEmpty else { return [] }
    var groups: [UInt16] = []
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      if last, index == parts.count - 1, let octets = octets(part) {
        groups.append(UInt16(octets[0]) << 8 | UInt16(octets[1]))
        groups.append(UInt16(octets[2]) << 8 | UInt16(octets[3]))
        continue
      }
      guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ $0 != 0x2b && $0 != 0x2d }),
        let group = UInt16(part, radix: 16)
      else { return nil }
      groups.append(group)
    }
    return groups
  }

  private static func text(_ octets: [UInt8]) -> String {
    octets.map { String($0) }.joined(separator: ".")
  }

  /// The longest run of two or more zero groups becomes `::`, the first of equal ones.
  private static func text(_ groups: [UInt16]) -> String {
    var best = 0..<0
    var start = 0
    for index in 0...8 {
      if index < 8, groups[index] == 0 { continue }
      if index - start > max(1, best.count) { best = start..<index }
      start = index + 1
    }
    func join(_ part: ArraySlice<UInt16>) -> String {
      part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard !best.isEmpty else { return join(groups[...]) }
    return join(groups[..<best.lowerBound]) + "::" + join(groups[best.upperBound...])
  }
}
