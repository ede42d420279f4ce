package import TelemetryModel

/// How collectors take the formats over HTTP.
extension TraceExportFormat {
  package var contentType: String {
    switch self {
    case .jaeger: "application/x-thrift"
    case .zipkin: "application/json"
    case .otlp: "application/x-protobuf"
    }
  }

  /// The path under which collectors usually take them.
  package var collectorPath: String {
    switch self {
    case .jaeger: "/api/traces"
    case .zipkin: "/api/v2/spans"
    case .otlp: "/v1/traces"
    }
  }

  /// The bodies that hold the spans; Jaeger's batches have one resource each.
  package func bodies(_ batches: [ResourceSpans]) -> [[UInt8]] {
    switch self {
    case .jaeger: JaegerThriftEncoder.encode(batches)
    case .zipkin: [ZipkinJSON.encode(ZipkinSpan.spans(of: batches))]
    case .otlp: [OTLPTraceProtobuf.encode(batches)]
    }
  }
}

extension [ResourceSpans] {
  /// The same spans in parts of `spansMax` at most, in order.
  package func split(spansMax: Int) -> [[ResourceSpans]] {
    guard spanCount > spansMax else { return isEmpty ? [] : [self] }
    var parts: [[ResourceSpans]] = []
    var part: [ResourceSpans] = []
    var count = 0
    for batch in self {
      for group in batch.scopes {
        var rest = group.spans[...]
        while !rest.isEmpty {
          var piece = ScopeSpans()
          piece.scope = group.scope
          piece.spans = [Span](rest.prefix(spansMax - count))
          rest = rest.dropFirst(piece.spans.count)
          var holder = ResourceSpans()
          holder.resource = batch.resource
          holder.scopes = [piece]
          part.append(holder)
          count += piece.spans.count
          if count == spansMax {
            parts.append(part)
            part = []
            count = 0
          }
        }
      }
    }
    if !part.isEmpty { parts.append(part) }
    return parts
  }
}
