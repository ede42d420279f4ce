import Bytes

/// A trace's identity: 16 bytes, shown as 32 hexadecimal digits. Zero means none.
package struct TraceID: Hashable, Comparable, Sendable, BitwiseCopyable {
  /// The first eight bytes, big-endian.
  package var high: UInt64
  package var low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  package var isZero: Bool { high == 0 && low == 0 }
  /// 32 lower-case digits.
  package var hex: String { SpanID(high).hex + SpanID(low).hex }

  package static func < (a: TraceID, b: TraceID) -> Bool {
    a.high == b.high ? a.low < b.low : a.high < b.high
  }
}

/// A span's identity within its trace: 8 bytes, shown as 16 hexadecimal digits. Zero means none.
package struct SpanID: Hashable, Comparable, Sendable, BitwiseCopyable {
  package var value: UInt64

  package init(_ value: UInt64) { self.value = value }

  package var isZero: Bool { value == 0 }
  /// 16 lower-case digits.
  package var hex: String {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(value)
    return Hex.encode(bytes)
  }

  package static func < (a: SpanID, b: SpanID) -> Bool { a.value < b.value }
}

/// A value of OTLP's `AnyValue`.
package indirect enum AttributeValue: Hashable, Sendable {
  /// The value message was there and held nothing.
  case empty
  case string(String)
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case array([AttributeValue])
  case map([Attribute])
  case bytes([UInt8])

  /// Texts are the same when their bytes are: see ``ByteText``.
  package static func == (a: AttributeValue, b: AttributeValue) -> Bool {
    switch (a, b) {
    case (.empty, .empty): true
    case (.string(let x), .string(let y)): x.hasSameBytes(as: y)
    case (.bool(let x), .bool(let y)): x == y
    case (.int(let x), .int(let y)): x == y
    case (.double(let x), .double(let y)): x == y
    case (.array(let x), .array(let y)): x == y
    case (.map(let x), .map(let y)): x == y
    case (.bytes(let x), .bytes(let y)): x == y
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch self {
    case .empty: hasher.combine(0)
    case .string(let text): text.hashBytes(into: &hasher)
    case .bool(let flag): hasher.combine(flag)
    case .int(let value): hasher.combine(value)
    case .double(let value): hasher.combine(value)
    case .array(let elements): hasher.combine(elements)
    case .map(let members): hasher.combine(members)
    case .bytes(let bytes): hasher.combine(bytes)
    }
  }
}

/// One attribute: OTLP's `KeyValue`. Keys can repeat; the order is kept.
package struct Attribute: Hashable, Sendable {
  package var key: String
  package var value: AttributeValue

  package init(_ key: String, _ value: AttributeValue) {
    self.key = key
    self.value = value
  }

  package static func == (a: Attribute, b: Attribute) -> Bool {
    a.key.hasSameBytes(as: b.key) && a.value == b.value
  }

  package func hash(into hasher: inout Hasher) {
    key.hashBytes(into: &hasher)
    hasher.combine(value)
  }
}

/// What produced the spans: OTLP's `Resource` and the schema URL of its `ResourceSpans`.
package struct Resource: Hashable, Sendable {
  package var attributes: [Attribute] = []
  package var droppedAttributesCount: UInt32 = 0
  @ByteText package var schemaURL = ""

  package init(attributes: [Attribute] = []) { self.attributes = attributes }

  /// The string attribute `service.name`, or empty.
  package var serviceName: String {
    for attribute in attributes where attribute.key == "service.name" {
      if case .string(let name) = attribute.value { return name }
    }
    return ""
  }
}

/// The library that made the spans: OTLP's `InstrumentationScope` and its schema URL.
package struct InstrumentationScope: Hashable, Sendable {
  @ByteText package var name = ""
  @ByteText package var version = ""
  package var attributes: [Attribute] = []
  package var droppedAttributesCount: UInt32 = 0
  @ByteText package var schemaURL = ""

  package init() {}
}

/// OTLP's `SpanKind`; numbers that it does not name are kept.
package struct SpanKind: RawRepresentable, Hashable, Sendable {
  package var rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }

  package static let unspecified = SpanKind(rawValue: 0)
  package static let `internal` = SpanKind(rawValue: 1)
  package static let server = SpanKind(rawValue: 2)
  package static let client = SpanKind(rawValue: 3)
  package static let producer = SpanKind(rawValue: 4)
  package static let consumer = SpanKind(rawValue: 5)
}

/// OTLP's `Status`; codes that it does not name are kept.
package struct SpanStatus: Hashable, Sendable {
  package static let unset: Int32 = 0
  package static let ok: Int32 = 1
  package static let error: Int32 = 2

  package var code: Int32 = SpanStatus.unset
  @ByteText package var message = ""

  package init() {}
}

/// Something that happened during a span: OTLP's `Span.Event`.
package struct SpanEvent: Hashable, Sendable {
  package var time = Timestamp.zero
  @ByteText package var name = ""
  package var attributes: [Attribute] = []
  package var droppedAttributesCount: UInt32 = 0

  package init() {}
}

/// A reference to another span: OTLP's `Span.Link`.
package struct SpanLink: Hashable, Sendable {
  package var traceID = TraceID(high: 0, low: 0)
  package var spanID = SpanID(0)
  @ByteText package var traceState = ""
  package var attributes: [Attribute] = []
  package var droppedAttributesCount: UInt32 = 0
  package var flags: UInt32 = 0

  package init() {}
}

/// One span in OTLP's terms, every field kept (opentelemetry/proto/trace/v1/trace.proto).
///
/// Times of OTLP are unsigned; those past the year 2262 keep their bits.
package struct Span: Hashable, Sendable {
  package var traceID = TraceID(high: 0, low: 0)
  package var spanID = SpanID(0)
  package var parentSpanID = SpanID(0)
  @ByteText package var traceState = ""
  package var flags: UInt32 = 0
  @ByteText package var name = ""
  package var kind = SpanKind.unspecified
  package var start = Timestamp.zero
  package var end = Timestamp.zero
  package var attributes: [Attribute] = []
  package var droppedAttributesCount: UInt32 = 0
  package var events: [SpanEvent] = []
  package var droppedEventsCount: UInt32 = 0
  package var links: [SpanLink] = []
  package var droppedLinksCount: UInt32 = 0
  package var status = SpanStatus()

  package init() {}
}

/// The spans of one library: OTLP's `ScopeSpans`.
package struct ScopeSpans: Hashable, Sendable {
  package var scope = InstrumentationScope()
  package var spans: [Span] = []

  package init() {}
}

/// The spans of one resource: OTLP's `ResourceSpans`. A request or a trace is a list of these.
package struct ResourceSpans: Hashable, Sendable {
  package var resource = Resource()
  package var scopes: [ScopeSpans] = []

  package init() {}
}
