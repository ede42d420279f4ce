package import TelemetryModel
package import WireFormats

/// OTLP's traces as JSON: protobuf's JSON mapping with the changes of the OTLP specification
/// (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"): identifiers in hexadecimal,
/// enumerations as numbers.
package enum OTLPTraceJSON {
  /// Decodes a whole body, `{"resourceSpans": […]}`, or that as the `result` of Jaeger's API v3.
  ///
  /// Takes what clients send: names in lowerCamelCase or snake_case, 64-bit integers as text or
  /// number, enumerations as number or name, `null` for what is absent. Unknown members are left
  /// out. Throws ``TraceFormatError`` and decodes nothing in part.
  package static func decode(
    _ body: [UInt8], limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) -> [ResourceSpans] {
    try OTLPTraceProtobuf.decode(try transcode(body, limits: limits).request, limits: .none)
  }

  /// The same, written as protobuf instead of decoded.
  package static func transcode(
    _ body: [UInt8], limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) -> TranscodedSpans {
    try TranscodedSpans.reading(body) { text in
      var transcoder = OTLPJSONTranscoder(text, limits)
      return try transcoder.body(.traces)
    }
  }

  /// How a document differs between the servers that write it.
  package struct Style: Sendable {
    /// The member that holds the batches.
    package var batchesName: String
    /// Identifiers in base64 as protobuf's own mapping has them, instead of hexadecimal.
    package var base64Identifiers: Bool
    /// Enumerations by their name instead of their number.
    package var namedEnumerations: Bool

    /// What OTLP says: collectors, Jaeger's API v3, files.
    package static let otlp = Style(
      batchesName: "resourceSpans", base64Identifiers: false, namedEnumerations: false)
    /// Tempo's `/api/traces/{id}`.
    package static let tempo = Style(
      batchesName: "batches", base64Identifiers: true, namedEnumerations: true)
    /// The trace in Tempo's `/api/v2/traces/{id}`.
    package static let tempoV2 = Style(
      batchesName: "resourceSpans", base64Identifiers: true, namedEnumerations: true)
  }

  /// The batches as one document.
  package static func encode(_ batches: [ResourceSpans], style: Style = .otlp) -> [UInt8] {
    var writer = JSONWriter()
    write(batches, style: style, to: &writer)
    return writer.bytes
  }

  /// Writes the document as one value; without batches it is `{}`.
  package static func write(
    _ batches: [ResourceSpans], style: Style = .otlp, to writer: inout JSONWriter
  ) {
    OTLPTraceJSONEncoder(style: style).write(batches, to: &writer)
  }
}
