import Bytes
import TelemetryModel
import WireFormats

/// One of Jaeger's spans while it is read; used again for the next.
struct JaegerSpanFields {
  struct Reference {
    var isFollowsFrom = false
    var trace = TraceID(high: 0, low: 0)
    var span = SpanID(0)
  }

  var trace = TraceID(high: 0, low: 0)
  var id = SpanID(0)
  var parent = SpanID(0)
  /// In the attributes' buffer.
  var name = 0..<0
  /// Since 1970.
  var startMicroseconds: Int64 = 0
  var durationMicroseconds: Int64 = 0
  var attributes = FlatAttributes()
  /// What a tag `error` says that is true or false.
  var isFailed: Bool?
  var references: [Reference] = []
  /// `Event` fields, written already, each as field 11.
  private var events = ProtobufWriter()

  mutating func removeAll() {
    trace = TraceID(high: 0, low: 0)
    id = SpanID(0)
    parent = SpanID(0)
    name = 0..<0
    startMicroseconds = 0
    durationMicroseconds = 0
    attributes.removeAll()
    isFailed = nil
    references.removeAll(keepingCapacity: true)
    events.bytes.removeAll(keepingCapacity: true)
  }

  /// A log: its field `event` is the event's name.
  mutating func addEvent(_ microseconds: Int64, _ fields: inout FlatAttributes) {
    let named = fields.find("event")
    if let named { fields.remove(at: named) }
    events.message(11) { event in
      if microseconds != 0 { event.fixed64(1, Self.nanoseconds(microseconds)) }
      if let named, let name = fields.text(at: named), !name.isEmpty {
        event.bytes(2, fields.texts[name])
      }
      fields.write(3, to: &event)
    }
  }

  private static func nanoseconds(_ microseconds: Int64) -> UInt64 {
    UInt64(bitPattern: microseconds) &* 1000
  }

  /// Writes the fields of an OTLP `Span`.
  mutating func write(to writer: inout ProtobufWriter) {
    let kind = takeKind()
    let status = takeStatus(kind)
    writer.identifier(1, trace)
    writer.identifier(2, id)
    writer.identifier(4, parent)
    if !name.isEmpty { writer.bytes(5, attributes.texts[name]) }
    if kind != .unspecified { writer.int32(6, kind.rawValue) }
    let start = Self.nanoseconds(startMicroseconds)
    let end = Self.nanoseconds(startMicroseconds &+ durationMicroseconds)
    if start != 0 { writer.fixed64(7, start) }
    if end != 0 { writer.fixed64(8, end) }
    attributes.write(9, to: &writer)
    writer.bytes += events.bytes
    for reference in references
    where reference.isFollowsFrom || reference.span != parent {
      writer.message(13) { link in
        link.identifier(1, reference.trace)
        link.identifier(2, reference.span)
        link.message(4) { attribute in
          attribute.string(1, "opentracing.ref_type")
          attribute.message(2) {
            $0.string(1, reference.isFollowsFrom ? "follows_from" : "child_of")
          }
        }
      }
    }
    writer.status(code: status.code, message: attributes.texts[status.message])
  }

  private mutating func takeKind() -> SpanKind {
    guard let place = attributes.find("span.kind") else { return .unspecified }
    attributes.remove(at: place)
    guard let text = attributes.text(at: place) else { return .unspecified }
    switch attributes.string(text) {
    case "client": return .client
    case "server": return .server
    case "producer": return .producer
    case "consumer": return .consumer
    case "internal": return .internal
    default: return .unspecified
    }
  }

  /// `error` = true says that the span failed; else `otel.status_code` says how it went, or else
  /// the HTTP status.
  private mutating func takeStatus(_ kind: SpanKind) -> (code: Int32, message: Range<Int>) {
    var code: Int32?
    var message: Range<Int>?
    if isFailed == true {
      if let place = attributes.find("error"), case .bool(true) = attributes.entries[place].value {
        attributes.remove(at: place)
      }
      code = SpanStatus.error
      message = takeDescription() ?? httpMessage()
    }
    if let place = attributes.find("otel.status_code") {
      if code == nil {
        code = attributes.text(at: place).map(statusCode) ?? SpanStatus.unset
        message = takeDescription()
      }
      attributes.remove(at: place)
    } else if code == nil, let place = attributes.find("http.status_code"),
      let number = wholeNumber(at: place)
    {
      if isFailure(number, kind) { code = SpanStatus.error }
      if code != nil { message = httpMessage() }
    }
    return (code ?? SpanStatus.unset, message ?? 0..<0)
  }

  private func statusCode(_ text: Range<Int>) -> Int32 {
    switch attributes.string(text).uppercased() {
    case "OK": SpanStatus.ok
    case "ERROR": SpanStatus.error
    default: SpanStatus.unset
    }
  }

  private mutating func takeDescription() -> Range<Int>? {
    guard let place = attributes.find("otel.status_description"),
      let text = attributes.text(at: place)
    else { return nil }
    attributes.remove(at: place)
    return text
  }

  private func httpMessage() -> Range<Int>? {
    attributes.find("http.status_message").flatMap { attributes.text(at: $0) }
  }

  private func wholeNumber(at place: Int) -> Int64? {
    switch attributes.entries[place].value {
    case .int(let number): number
    case .string(let text): Int64(attributes.string(text))
    default: nil
    }
  }

  /// OpenTelemetry's rule: a client's 4xx is a failure, a server's is not.
  private func isFailure(_ status: Int64, _ kind: SpanKind) -> Bool {
    if (400..<500).contains(status) {
      if kind == .client { return true }
      if kind == .server { return false }
    }
    return !(100..<399).contains(status)
  }
}
