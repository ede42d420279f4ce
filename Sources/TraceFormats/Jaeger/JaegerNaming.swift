package import TelemetryModel

/// What Jaeger calls things that OTLP leaves without a name, as its collector does at ingest.
package enum JaegerNaming {
  /// The service of a resource's spans; never empty.
  package static func service(_ resource: Resource) -> String {
    switch resource.attributes.value(of: "service.name") {
    case .string(""): "empty-service-name"
    case .string(let name): name
    case nil: "missing-service-name"
    default: "service-name-wrong-type"
    }
  }

  /// The operation of a span; never empty.
  package static func operation(_ span: Span) -> String {
    span.name.isEmpty ? "empty-span-name" : span.name
  }

  /// The value of the tag `span.kind`, or nil for an unspecified kind.
  package static func kind(_ kind: SpanKind) -> String? {
    switch kind {
    case .internal: "internal"
    case .server: "server"
    case .client: "client"
    case .producer: "producer"
    case .consumer: "consumer"
    default: nil
    }
  }

  /// The kind that the tag `span.kind` names; nil for other texts.
  package static func kind(named name: String) -> SpanKind? {
    [.internal, .server, .client, .producer, .consumer].first { kind($0) == name }
  }

  /// The attribute in which Jaeger keeps what it has to say about a span: an array of texts.
  package static let warningsKey = "@jaeger@warnings"
}
