package import TelemetryModel

/// One log record of OTLP, with what the proto names.
package struct LogRecord: Hashable, Sendable {
  /// When it happened; zero for not told.
  package var time = Timestamp(nanoseconds: 0)
  /// When it was seen; zero for not told.
  package var observedTime = Timestamp(nanoseconds: 0)
  /// 1…24 from trace to fatal; zero for not told.
  package var severityNumber: Int32 = 0
  package var severityText = ""
  package var body = AttributeValue.empty
  package var attributes: [Attribute] = []
  package var droppedAttributesCount: UInt32 = 0
  package var flags: UInt32 = 0
  package var traceID = TraceID(high: 0, low: 0)
  package var spanID = SpanID(0)
  package var eventName = ""

  package init() {}

  /// `SeverityNumber`'s names, by number.
  static let severityNames: [String] =
    ["SEVERITY_NUMBER_UNSPECIFIED"]
    + ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"].flatMap { name in
      ["", "2", "3", "4"].map { "SEVERITY_NUMBER_\(name)\($0)" }
    }
}

/// The records of one scope.
package struct ScopeLogs: Hashable, Sendable {
  package var scope = InstrumentationScope()
  package var records: [LogRecord] = []

  package init() {}
}

/// The records of one resource, by scope.
package struct ResourceLogs: Hashable, Sendable {
  package var resource = Resource()
  package var scopes: [ScopeLogs] = []

  package init() {}
}

/// OTLP's logs (opentelemetry/proto/logs/v1/logs.proto, 1.8): `ExportLogsServiceRequest` and
/// `LogsData`, in protobuf and in its JSON mapping.
package enum OTLPLogs {
  /// Decodes a protobuf body; an empty one holds nothing. Throws ``TraceFormatError``.
  package static func decodeProtobuf(
    _ body: [UInt8], limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) -> [ResourceLogs] {
    var decoder = OTLPTraceProtobufDecoder(limits)
    do { return try decoder.logs(body.span.bytes) } catch {
      throw TraceFormatError(translating: error)
    }
  }

  /// Decodes a JSON body, taking what clients send as ``OTLPTraceJSON`` does.
  ///
  /// Throws ``TraceFormatError``.
  package static func decodeJSON(
    _ body: [UInt8], limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) -> [ResourceLogs] {
    let messages = try TranscodedSpans.reading(body) { text in
      var transcoder = OTLPJSONTranscoder(text, limits)
      return try transcoder.body(.logs)
    }
    return try decodeProtobuf(messages.request, limits: .none)
  }
}
