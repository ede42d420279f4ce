import TelemetryModel
import TraceFormats

/// Looks into a `Span` message without reading it whole. The message was checked when it came.
enum SpanMessage {
  /// Key and value of a `KeyValue`, as offsets; empty where they are not there.
  static func keyAndValue(
    _ attribute: WireCursor
  ) throws(TraceFormatError) -> (key: Range<Int>, value: Range<Int>) {
    var reader = attribute
    var key = 0..<0
    var value = 0..<0
    while true {
      let tag = try reader.nextTag()
      switch tag {
      case 0: return (key, value)
      case 0x0a: key = try reader.bytes()
      case 0x12: value = try reader.bytes()
      default: try reader.skip(tag)
      }
    }
  }

  /// Whether the first attribute `key` in `field` of the message holds.
  static func first(
    _ key: String.UTF8View, field: UInt32, of message: WireCursor, _ condition: SpanCondition
  ) -> Bool {
    var reader = message
    while let tag = try? reader.nextTag(), tag != 0 {
      guard tag == field << 3 | 2 else {
        guard (try? reader.skip(tag)) != nil else { return false }
        continue
      }
      guard let bytes = try? reader.bytes(),
        let (found, value) = try? keyAndValue(WireCursor(reader.base, bytes))
      else { return false }
      guard found.count == key.count, reader.buffer(found).elementsEqual(key) else { continue }
      return holds(reader.buffer(value), condition)
    }
    return false
  }

  static func holds(_ value: UnsafeRawBufferPointer, _ condition: SpanCondition) -> Bool {
    guard
      let value = try? OTLPTraceProtobuf.decodeValue(
        RawSpan(_unsafeBytes: value))
    else { return false }
    return condition.holds(value)
  }

  /// Whether an attribute condition holds in the message's own places: span, events, links.
  static func holds(
    _ key: String, _ places: SpanCondition.Places, _ condition: SpanCondition, _ message: WireCursor
  ) -> Bool {
    let name = key.utf8
    if places.contains(.span), first(name, field: 9, of: message, condition) { return true }
    guard !places.isDisjoint(with: [.event, .link]) else { return false }
    var reader = message
    while let tag = try? reader.nextTag(), tag != 0 {
      let isEvent = tag == 0x5a && places.contains(.event)
      guard isEvent || tag == 0x6a && places.contains(.link) else {
        guard (try? reader.skip(tag)) != nil else { return false }
        continue
      }
      guard let bytes = try? reader.bytes() else { return false }
      let inner = WireCursor(reader.base, bytes)
      if first(name, field: isEvent ? 3 : 4, of: inner, condition) { return true }
    }
    return false
  }
}
