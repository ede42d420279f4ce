import TelemetryModel
import WireFormats

/// OTLP requests made field by field, without the project's own encoder of traces.
enum RequestFixtures {
  /// A span of `trace` as an OTLP message.
  static func span(
    trace: TraceID, id: UInt64, name: String, kind: Int32 = 2, start: Int64, length: Int64 = 1000,
    status: Int32 = 0
  ) -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, bigEndian(trace.high) + bigEndian(trace.low))
    writer.bytes(2, bigEndian(id))
    writer.string(5, name)
    writer.int32(6, kind)
    writer.fixed64(7, UInt64(bitPattern: start))
    writer.fixed64(8, UInt64(bitPattern: start + length))
    if status != 0 {
      var inner = ProtobufWriter()
      inner.int32(3, status)
      writer.bytes(15, inner.bytes)
    }
    // A field of a later version of the protocol must survive.
    writer.string(99, "later")
    return writer.bytes
  }

  /// One `ResourceSpans` of a service with one scope.
  static func request(service: String, scope: String = "lib", _ spans: [[UInt8]]) -> [UInt8] {
    var value = ProtobufWriter()
    value.string(1, service)
    var attribute = ProtobufWriter()
    attribute.string(1, "service.name")
    attribute.bytes(2, value.bytes)
    var resource = ProtobufWriter()
    resource.bytes(1, attribute.bytes)
    var scopeMessage = ProtobufWriter()
    scopeMessage.string(1, scope)
    var scopeSpans = ProtobufWriter()
    scopeSpans.bytes(1, scopeMessage.bytes)
    for span in spans { scopeSpans.bytes(2, span) }
    var resourceSpans = ProtobufWriter()
    resourceSpans.bytes(1, resource.bytes)
    resourceSpans.bytes(2, scopeSpans.bytes)
    resourceSpans.string(3, "https://example.org/schema")
    var request = ProtobufWriter()
    request.bytes(1, resourceSpans.bytes)
    return request.bytes
  }

  private static func bigEndian(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
  }
}
