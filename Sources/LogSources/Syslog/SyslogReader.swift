import TelemetryModel

/// Reads the parts of a message in order.
struct SyslogReader {
  private let bytes: UnsafeRawBufferPointer
  private var at = 0

  private static let space = UInt8(ascii: " ")
  /// Parameters of one message, at most.
  private static let parametersMax = 256

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private var here: UInt8? { at < bytes.count ? bytes[at] : nil }

  /// `<0>` to `<191>`.
  mutating func readPriority() -> Int? {
    guard here == UInt8(ascii: "<") else { return nil }
    var value = 0
    var digits = 0
    var index = 1
    while index < bytes.count, let digit = Self.digit(bytes[index]), digits < 4 {
      value = value * 10 + digit
      digits += 1
      index += 1
    }
    guard (1...3).contains(digits), value <= 191, index < bytes.count,
      bytes[index] == UInt8(ascii: ">")
    else { return nil }
    at = index + 1
    return value
  }

  /// The version of RFC 5424 and the space after it.
  mutating func readVersion() -> Bool {
    var index = at
    while index < bytes.count, Self.digit(bytes[index]) != nil, index - at < 3 { index += 1 }
    guard index > at, bytes[at] != UInt8(ascii: "0"), index < bytes.count,
      bytes[index] == Self.space
    else { return false }
    at = index + 1
    return true
  }

  // MARK: RFC 5424

  mutating func readNew(_ message: inout SyslogMessage) {
    guard let time = word() else { return }
    if !isNil(time) {
      guard let parsed = RFC3339Reader.read(slice(time)) else { return }
      message.timestamp = parsed
    }
    guard let host = word() else { return }
    message.host = isNil(host) ? nil : host
    guard let application = word() else { return }
    message.application = isNil(application) ? nil : application
    guard let process = word() else { return }
    message.process = isNil(process) ? nil : process
    guard let identity = word() else { return }
    message.messageID = isNil(identity) ? nil : identity
    guard readStructuredData(&message) else { return }
    guard here == Self.space else { return }
    at += 1
    if at + 2 < bytes.count, bytes[at] == 0xef, bytes[at + 1] == 0xbb, bytes[at + 2] == 0xbf {
      at += 3
    }
    if at < bytes.count { message.text = at..<bytes.count }
  }

  /// The bytes up to a space, which is passed over; at the end there may be none.
  private mutating func word() -> Range<Int>? {
    let start = at
    while at < bytes.count, bytes[at] != Self.space { at += 1 }
    guard at > start else { return nil }
    let range = start..<at
    if at < bytes.count { at += 1 }
    return range
  }

  private func isNil(_ range: Range<Int>) -> Bool {
    range.count == 1 && bytes[range.lowerBound] == UInt8(ascii: "-")
  }

  private func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[range])
  }

  private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// `-` or elements; false when they are malformed.
  private mutating func readStructuredData(_ message: inout SyslogMessage) -> Bool {
    if here == UInt8(ascii: "-") {
      at += 1
      return true
    }
    guard here == UInt8(ascii: "[") else { return false }
    while here == UInt8(ascii: "[") {
      at += 1
      guard let element = name() else { return false }
      let elementName = text(element)
      while here == Self.space {
        at += 1
        guard here != UInt8(ascii: "]") else { break }
        guard let parameter = name(), here == UInt8(ascii: "=") else { return false }
        at += 1
        guard let value = quotedValue() else { return false }
        guard message.structuredData.count < Self.parametersMax else { continue }
        message.structuredData.append(
          SyslogMessage.Parameter(element: elementName, name: text(parameter), value: value))
      }
      guard here == UInt8(ascii: "]") else { return false }
      at += 1
    }
    return true
  }

  private mutating func name() -> Range<Int>? {
    let start = at
    while let byte = here, byte > 0x20, byte < 0x7f, byte != UInt8(ascii: "="),
      byte != UInt8(ascii: "]"), byte != UInt8(ascii: "\"")
    {
      at += 1
    }
    return at > start ? start..<at : nil
  }

  /// A value in quotes, in which a backslash takes away the meaning of `"`, `\` and `]`.
  private mutating func quotedValue() -> String? {
    guard here == UInt8(ascii: "\"") else { return nil }
    at += 1
    var value: [UInt8] = []
    while let byte = here {
      at += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: value, as: UTF8.self)
      case UInt8(ascii: "\\"):
        if let next = here, [UInt8(ascii: "\""), byte, UInt8(ascii: "]")].contains(next) {
          value.append(next)
          at += 1
        } else {
          value.append(byte)
        }
      default: value.append(byte)
      }
    }
    return nil
  }

  // MARK: RFC 3164

  /// `Nov  1 04:05:06 host tag[pid]: text`, each part of which may be missing.
  mutating func readOld(_ message: inout SyslogMessage, now: Timestamp, zone: TimeZoneRules) {
    if here == Self.space { at += 1 }
    let hasTime = readOldTime(&message, now: now, zone: zone)
    let start = at
    if let first = word() {
      // Local senders leave the host out: what comes first is the tag.
      let isTag = slice(first).last == UInt8(ascii: ":") || tagEnd(first) != nil
      if hasTime, !isTag, at < bytes.count {
        message.host = first
      } else {
        at = start
      }
    }
    readTag(&message)
    if at < bytes.count { message.text = at..<bytes.count }
  }

  /// Where `tag[pid]:` has its bracket, if it has.
  private func tagEnd(_ word: Range<Int>) -> Int? {
    guard let last = slice(word).lastIndex(of: UInt8(ascii: "]")), last > 0 else { return nil }
    return slice(word)[..<last].firstIndex(of: UInt8(ascii: "["))
  }

  private mutating func readTag(_ message: inout SyslogMessage) {
    let start = at
    var index = at
    while index < bytes.count, index - start <= 128 {
      switch bytes[index] {
      case UInt8(ascii: ":"), UInt8(ascii: "["):
        guard index > start else { return }
        var end = index
        if bytes[index] == UInt8(ascii: "[") {
          while end < bytes.count, bytes[end] != UInt8(ascii: "]") { end += 1 }
          guard end + 1 < bytes.count else { return }
          message.process = index + 1..<end
          end += 1
        }
        message.application = start..<index
        if end < bytes.count, bytes[end] == UInt8(ascii: ":") { end += 1 }
        if end < bytes.count, bytes[end] == Self.space { end += 1 }
        at = end
        return
      case Self.space, 0...0x1f: return
      default: index += 1
      }
    }
  }

  private mutating func readOldTime(
    _ message: inout SyslogMessage, now: Timestamp, zone: TimeZoneRules
  ) -> Bool {
    // Some send RFC 3339 here.
    if let first = here, Self.digit(first) != nil {
      let start = at
      if let time = word(), let parsed = RFC3339Reader.read(slice(time)) {
        message.timestamp = parsed
        return true
      }
      at = start
      return false
    }
    guard at + 15 <= bytes.count, at + 15 == bytes.count || bytes[at + 15] == Self.space else {
      return false
    }
    let value = text(at..<at + 15)
    guard let parsed = OldTime.read(value, now: now, zone: zone) else { return false }
    message.timestamp = parsed
    at = min(bytes.count, at + 16)
    return true
  }

  private static func digit(_ byte: UInt8) -> Int? {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? Int(byte) - 48 : nil
  }
}

/// Times of RFC 5424: RFC 3339 with any fraction.
enum RFC3339Reader {
  private static let layout = GoTimeLayout("2006-01-02T15:04:05.999999999Z07:00")

  static func read(_ bytes: UnsafeRawBufferPointer) -> Timestamp? {
    guard (20...40).contains(bytes.count) else { return nil }
    return try? layout.parse(String(decoding: bytes, as: UTF8.self)).timestamp
  }
}

/// Times of RFC 3164: `Jan _2 15:04:05`, without a year.
enum OldTime {
  private static let layout = GoTimeLayout("2006 Jan _2 15:04:05")
  private static let day: Int64 = 86_400_000_000_000

  /// The time nearest to `now` that reads so: a message of December that comes in January is last
  /// year's.
  static func read(_ text: String, now: Timestamp, zone: TimeZoneRules) -> Timestamp? {
    let today = CivilDate(daysSinceEpoch: Int(now.nanoseconds / day))
    var best: Timestamp?
    for year in [today.year, today.year - 1, today.year + 1] {
      guard let time = try? layout.parse("\(year) \(text)", in: zone).timestamp else { continue }
      let distance = (time.nanoseconds - now.nanoseconds).magnitude
      if let found = best, (found.nanoseconds - now.nanoseconds).magnitude <= distance { continue }
      best = time
    }
    return best
  }
}
