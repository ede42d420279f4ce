package import TelemetryModel

/// Spans of one service in one scope without a name.
package func batch(_ service: String, _ spans: [Span]) -> ResourceSpans {
  var group = ScopeSpans()
  group.spans = spans
  var batch = ResourceSpans()
  batch.resource.attributes = [Attribute("service.name", .string(service))]
  batch.scopes = [group]
  return batch
}
