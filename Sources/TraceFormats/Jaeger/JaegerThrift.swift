package import WireFormats

/// Spans as Jaeger's clients send them: `jaeger.thrift`'s `Batch`
/// (github.com/jaegertracing/jaeger-idl, thrift/jaeger.thrift and agent.thrift).
///
/// Read straight into an OTLP request, as the OpenTelemetry Collector turns them (contrib 0.153,
/// pkg/translator/jaeger). Both throw ``TraceFormatError`` and give nothing in part.
package enum JaegerThrift {
  /// The body of `POST /api/traces`: a bare `Batch` in the binary protocol.
  package static func transcode(
    _ body: [UInt8], limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) -> TranscodedSpans {
    try TranscodedSpans.reading(body) { bytes in
      var decoder = JaegerThriftDecoder(ThriftReader(bytes, .binary), limits)
      return try decoder.batch()
    }
  }

  /// A datagram of the agent's protocol: a call of `emitBatch`.
  package static func transcode(
    datagram: UnsafeRawBufferPointer, _ encoding: ThriftReader.Encoding,
    limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) -> TranscodedSpans {
    do {
      var decoder = JaegerThriftDecoder(ThriftReader(datagram, encoding), limits)
      return try decoder.emitBatch()
    } catch {
      throw TraceFormatError(translating: error)
    }
  }
}
