import Bytes
package import TelemetryModel

/// A value of TraceQL: what a literal says and what a field of a span holds.
package enum TraceValue: Hashable, Sendable {
  /// The field is not there.
  case absent
  case int(Int64)
  case float(Double)
  case string(String)
  case bool(Bool)
  case duration(TimeSpan)
  /// OTLP's status code.
  case status(Int32)
  case kind(SpanKind)
  /// An array of one type, compared by its elements.
  case array([TraceValue])
  /// The field's values on each of a span's events or links: a condition holds if it holds on any.
  case several([TraceValue])

  /// Texts are the same when their bytes are: see ``ByteText``.
  package static func == (a: TraceValue, b: TraceValue) -> Bool {
    switch (a, b) {
    case (.absent, .absent): true
    case (.int(let x), .int(let y)): x == y
    case (.float(let x), .float(let y)): x == y
    case (.string(let x), .string(let y)): x.hasSameBytes(as: y)
    case (.bool(let x), .bool(let y)): x == y
    case (.duration(let x), .duration(let y)): x == y
    case (.status(let x), .status(let y)): x == y
    case (.kind(let x), .kind(let y)): x == y
    case (.array(let x), .array(let y)), (.several(let x), .several(let y)): x == y
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch self {
    case .absent: hasher.combine(0)
    case .int(let value): hasher.combine(value)
    case .float(let value): hasher.combine(value)
    case .string(let text): text.hashBytes(into: &hasher)
    case .bool(let flag): hasher.combine(flag)
    case .duration(let span): hasher.combine(span)
    case .status(let code): hasher.combine(code)
    case .kind(let kind): hasher.combine(kind)
    case .array(let elements), .several(let elements): hasher.combine(elements)
    }
  }

  package enum ValueType: Sendable {
    /// An attribute: only a span can tell.
    case unknown
    case absent, int, float, string, bool, duration, status, kind

    var isNumeric: Bool { self == .int || self == .float || self == .duration }

    /// Whether both may stand at the two sides of an operator.
    package func fits(_ other: ValueType) -> Bool {
      self == other || self == .unknown || other == .unknown || self == .absent
        || other == .absent || isNumeric && other.isNumeric
    }
  }

  package var type: ValueType {
    switch self {
    case .absent: .absent
    case .int: .int
    case .float: .float
    case .string: .string
    case .bool: .bool
    case .duration: .duration
    case .status: .status
    case .kind: .kind
    case .array(let elements), .several(let elements): elements.first?.type ?? .unknown
    }
  }

  /// The number, durations in nanoseconds; nil for what is no number.
  package var number: Double? {
    switch self {
    case .int(let value): Double(value)
    case .float(let value): value
    case .duration(let value): Double(value.nanoseconds)
    case .status(let value): Double(value)
    default: nil
    }
  }

  /// How a query writes the value; texts in quotes.
  package var text: String {
    switch self {
    case .absent: "nil"
    case .int(let value): "\(value)"
    case .float(let value): FloatText.of(value)
    case .string(let value): "`" + value + "`"
    case .bool(let value): value ? "true" : "false"
    case .duration(let value): value.goDescription
    case .status(let code): Self.statusName(code)
    case .kind(let kind): Self.kindName(kind)
    case .array(let elements), .several(let elements):
      "[" + elements.map(\.text).joined(separator: ", ") + "]"
    }
  }

  /// The value as a tag's text: without quotes.
  package var plainText: String {
    switch self {
    case .string(let value): value
    case .array(let elements), .several(let elements):
      "[" + elements.map(\.plainText).joined(separator: ", ") + "]"
    default: text
    }
  }

  package static func statusName(_ code: Int32) -> String {
    switch code {
    case SpanStatus.ok: "ok"
    case SpanStatus.error: "error"
    default: "unset"
    }
  }

  package static func kindName(_ kind: SpanKind) -> String {
    switch kind {
    case .internal: "internal"
    case .server: "server"
    case .client: "client"
    case .producer: "producer"
    case .consumer: "consumer"
    default: "unspecified"
    }
  }
}

/// Numbers as Go prints them with the fewest digits and without an exponent while short.
enum FloatText {
  static func of(_ value: Double) -> String {
    guard value.isFinite else {
      return value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf"
    }
    if value == value.rounded(), abs(value) < 1e15 { return "\(Int64(value))" }
    return "\(value)"
  }
}
