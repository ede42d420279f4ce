package import TelemetryModel

/// The forms in which traces leave.
package enum TraceExportFormat: String, CaseIterable, Sendable {
  /// Jaeger's UI loads it ("JSON File").
  case jaeger
  /// Zipkin's UI loads it, and `POST /api/v2/spans` takes it.
  case zipkin
  /// OTLP's JSON, which holds all; `POST /v1/traces` takes it.
  case otlp

  /// The batches as one JSON document, traces in the order in which they first appear.
  package func document(_ batches: [ResourceSpans]) -> [UInt8] {
    switch self {
    case .jaeger: JaegerJSON.encode(batches.groupedByTrace().map(\.batches))
    case .zipkin: ZipkinJSON.encode(ZipkinSpan.spans(of: batches))
    case .otlp: OTLPTraceJSON.encode(batches)
    }
  }
}
