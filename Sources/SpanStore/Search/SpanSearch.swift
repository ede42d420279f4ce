package import Bytes
package import TelemetryModel

/// What a search for traces asks: all conditions must hold for one span.
package struct SpanSearch: Sendable {
  package var tenant: TenantID
  package var service: String?
  package var operation: String?
  /// The span's start, end of the range excluded.
  package var start: Range<Timestamp>?
  /// Both ends included.
  package var minDuration: TimeSpan?
  package var maxDuration: TimeSpan?
  /// Traces at most.
  package var limit: Int
  /// All must hold; decided on columns where the store has them.
  package var conditions: [SpanCondition] = []
  /// Checked last, on the decoded span with its resource and scope.
  package var matches: (@Sendable (Span, Resource, InstrumentationScope) -> Bool)?

  package init(tenant: TenantID, limit: Int) {
    self.tenant = tenant
    self.limit = limit
  }
}

/// A name that a service's spans have, with the kind of those spans.
package struct SpanOperation: Hashable, Comparable, Sendable {
  @ByteText package private(set) var name: String
  package let kind: SpanKind

  package init(name: String, kind: SpanKind) {
    self.name = name
    self.kind = kind
  }

  package static func < (a: SpanOperation, b: SpanOperation) -> Bool {
    a.name.hasSameBytes(as: b.name)
      ? a.kind.rawValue < b.kind.rawValue : a.name.precedesByBytes(b.name)
  }
}
