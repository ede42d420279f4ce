import Bytes
import TelemetryModel
import WireFormats

/// What links and events were written as in tags and annotations, read back.
extension SpanLink {
  /// nil for a text that is not `trace|span|state|attributes as JSON|dropped`.
  init?(zipkinTag text: String) {
    let parts = text.unicodeScalars.split(separator: "|", omittingEmptySubsequences: false)
      .map { Substring($0) }
    guard parts.count >= 5, let trace = TraceID(hexDigits: String(parts[0])),
      let span = SpanID(hexDigits: String(parts[1])), let last = parts.last,
      let dropped = UInt32(last),
      let attributes = [Attribute](zipkinJSON: parts[3..<(parts.count - 1)])
    else { return nil }
    self.init()
    traceID = trace
    spanID = span
    traceState = String(parts[2])
    self.attributes = attributes
    droppedAttributesCount = dropped
  }
}

extension SpanEvent {
  /// nil for a text that is not `name|attributes as JSON|dropped`; the time is left out.
  init?(zipkinAnnotation text: String) {
    let parts = text.unicodeScalars.split(separator: "|", omittingEmptySubsequences: false)
      .map { Substring($0) }
    guard parts.count >= 3, let last = parts.last, let dropped = UInt32(last),
      let attributes = [Attribute](zipkinJSON: parts[1..<(parts.count - 1)])
    else { return nil }
    self.init()
    name = String(parts[0])
    self.attributes = attributes
    droppedAttributesCount = dropped
  }
}

extension [Attribute] {
  /// The members of a JSON object that was cut at its bars; nil when it is no object.
  fileprivate init?(zipkinJSON parts: ArraySlice<Substring>) {
    let text = parts.joined(separator: "|")
    guard let value = try? JSONValue.parse(Array<UInt8>(text.utf8), depthMax: 32),
      let members = value.members
    else { return nil }
    self = members.map { Attribute($0.key, AttributeValue($0.value)) }
  }
}

extension AttributeValue {
  fileprivate init(_ json: JSONValue) {
    switch json {
    case .null: self = .empty
    case .bool(let flag): self = .bool(flag)
    case .string(let text): self = .string(text)
    case .number(let text):
      self = Int64(text).map { .int($0) } ?? .double(Double(text) ?? .nan)
    case .array(let items): self = .array(items.map { AttributeValue($0) })
    case .object(let members):
      self = .map(members.map { Attribute($0.key, AttributeValue($0.value)) })
    }
  }
}

extension TraceID {
  /// Of 32 digits in any case; none means zero; anything else is nil.
  init?(hexDigits text: String) {
    guard !text.isEmpty else {
      self.init(high: 0, low: 0)
      return
    }
    guard text.utf8.count == 32, let high = SpanID(hexDigits: String(text.prefix(16))),
      let low = SpanID(hexDigits: String(text.suffix(16)))
    else { return nil }
    self.init(high: high.value, low: low.value)
  }
}

extension SpanID {
  /// Of 16 digits in any case; none means zero; anything else is nil.
  init?(hexDigits text: String) {
    guard !text.isEmpty else {
      self.init(0)
      return
    }
    guard text.utf8.count == 16 else { return nil }
    var value: UInt64 = 0
    for digit in text.utf8 {
      guard let nibble = Hex.value(digit) else { return nil }
      value = value << 4 | UInt64(nibble)
    }
    self.init(value)
  }
}
