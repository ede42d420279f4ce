package import TelemetryModel

/// OTLP's traces in protobuf: `ExportTraceServiceRequest` and `TracesData`, which are alike on
/// the wire (opentelemetry/proto/trace/v1/trace.proto, 1.8).
///
/// Every field that the proto names is kept. Fields that it does not name are left out, as
/// the OpenTelemetry Collector does; strings must be UTF-8; identifiers must have their length
/// or be empty.
package enum OTLPTraceProtobuf {
  /// Decodes a whole body; an empty one holds nothing.
  ///
  /// Throws ``TraceFormatError`` and decodes nothing in part.
  package static func decode(
    _ body: [UInt8], limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) -> [ResourceSpans] {
    var decoder = OTLPTraceProtobufDecoder(limits)
    do { return try decoder.batches(body.span.bytes) } catch {
      throw TraceFormatError(translating: error)
    }
  }

  /// Encodes batches as `ExportTraceServiceRequest`; decoding gives the same batches again.
  package static func encode(_ batches: [ResourceSpans]) -> [UInt8] {
    var encoder = OTLPTraceProtobufEncoder()
    for batch in batches { encoder.append(batch) }
    return encoder.bytes
  }

  /// Decodes one `Span` message.
  package static func decodeSpan(_ message: RawSpan) throws(TraceFormatError) -> Span {
    var decoder = OTLPTraceProtobufDecoder(TraceDecodingLimits())
    do { return try decoder.span(message) } catch { throw TraceFormatError(translating: error) }
  }

  /// Decodes one `AnyValue` message.
  package static func decodeValue(_ message: RawSpan) throws(TraceFormatError) -> AttributeValue {
    var decoder = OTLPTraceProtobufDecoder(TraceDecodingLimits())
    do { return try decoder.value(message, depth: 0) } catch {
      throw TraceFormatError(translating: error)
    }
  }

  /// Decodes a `ResourceSpans` message; its spans too, if there are any.
  package static func decodeResourceSpans(
    _ message: RawSpan
  ) throws(TraceFormatError) -> ResourceSpans {
    var decoder = OTLPTraceProtobufDecoder(TraceDecodingLimits())
    do { return try decoder.resourceSpans(message) } catch {
      throw TraceFormatError(translating: error)
    }
  }

  /// Decodes a `ScopeSpans` message; its spans too, if there are any.
  package static func decodeScopeSpans(
    _ message: RawSpan
  ) throws(TraceFormatError) -> ScopeSpans {
    var decoder = OTLPTraceProtobufDecoder(TraceDecodingLimits())
    do { return try decoder.scopeSpans(message) } catch {
      throw TraceFormatError(translating: error)
    }
  }
}
