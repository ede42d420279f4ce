package import Bytes
package import SpanStore
package import TelemetryModel
import TraceFormats
package import TraceQL

/// A search as Jaeger's query service has it: one span must meet all conditions.
package struct JaegerSearch: Sendable {
  package var service: String?
  package var operation: String?
  /// Both ends included.
  package var startMin: Timestamp?
  package var startMax: Timestamp?
  package var minDuration: TimeSpan?
  package var maxDuration: TimeSpan?
  /// Attributes and the texts of their values; of a repeated key the last counts.
  package var tags: [ByteText: String] = [:]
  /// What the spans of a trace must meet besides: TraceQL.
  package var filter: TraceQuery?
  /// Traces at most.
  package var limit = 100
  package var order = TraceOrder.newest
  /// Where the answer before ended.
  package var cursor: TraceCursor?

  package init() {}
}

extension JaegerSearch {
  /// The search in the store's terms.
  func spanSearch(tenant: TenantID) -> SpanSearch {
    var search = SpanSearch(tenant: tenant, limit: limit)
    search.service = service.map(ServiceNames.stored)
    search.operation = operation.map { $0 == ServiceNames.emptyOperation ? "" : $0 }
    if startMin != nil || startMax != nil {
      let lower = startMin ?? .distantPast
      let upper = (startMax ?? .distantFuture) + TimeSpan(nanoseconds: 1)
      search.start = lower..<max(lower, upper)
    }
    search.minDuration = minDuration
    search.maxDuration = maxDuration
    let condition = TagCondition(tags)
    let filter = spanFilter
    search.conditions = condition.conditions
    if let service, !ServiceNames.stored(service).hasSameBytes(as: service) {
      // The store knows spans without a name under one name; Jaeger tells two kinds apart.
      search.matches = { span, resource, scope in
        JaegerNaming.service(resource).hasSameBytes(as: service)
          && condition.holds(span, resource, scope)
          && filter(span, resource, scope)
      }
    } else if !condition.isDecidedByColumns || self.filter != nil {
      search.matches = { condition.holds($0, $1, $2) && filter($0, $1, $2) }
    }
    return search
  }
}

/// What the `tags` of a search ask of a span.
struct TagCondition: Sendable {
  private var attributes: [(key: String, value: String)] = []
  private var resourceAttributes: [(key: String, value: String)] = []
  private var statusCode: Int32?
  private var kind: SpanKind?
  private var scopeName: String?
  private var scopeVersion: String?
  private var isImpossible = false

  /// What the store decides on its columns.
  var conditions: [SpanCondition] {
    var out: [SpanCondition] = []
    if let statusCode {
      out.append(SpanCondition(.statusCode, .holds { $0 == .int(Int64(statusCode)) }))
    }
    if let kind {
      out.append(SpanCondition(.kind, .holds { $0 == .int(Int64(kind.rawValue)) }))
    }
    for (key, value) in resourceAttributes {
      out.append(SpanCondition(.attribute(key, .resource), .text(value)))
    }
    for (key, value) in attributes {
      out.append(SpanCondition(.attribute(key, .anywhere), .text(value)))
    }
    return out
  }

  /// Whether ``conditions`` say all.
  var isDecidedByColumns: Bool {
    !isImpossible && scopeName == nil && scopeVersion == nil
  }

  init(_ tags: [ByteText: String]) {
    for (key, value) in tags {
      switch key.text {
      case "error":
        switch value {
        case "true", "TRUE", "True", "t", "T", "1": statusCode = SpanStatus.error
        case "false", "FALSE", "False", "f", "F", "0": statusCode = SpanStatus.ok
        default: isImpossible = true
        }
      case "span.status":
        let code =
          switch value.uppercased() {
          case "OK": SpanStatus.ok
          case "ERROR": SpanStatus.error
          default: SpanStatus.unset
          }
        if let known = statusCode, known != code { isImpossible = true }
        statusCode = code
      case "span.kind": kind = Self.kind(value)
      case "scope.name": scopeName = value
      case "scope.version": scopeVersion = value
      default:
        if key.text.hasBytePrefix("resource.") {
          resourceAttributes.append((String(key.text.utf8.dropFirst(9)) ?? "", value))
        } else {
          attributes.append((key.text, value))
        }
      }
    }
  }

  private static func kind(_ name: String) -> SpanKind {
    switch name.uppercased() {
    case "CLIENT": .client
    case "SERVER": .server
    case "PRODUCER": .producer
    case "CONSUMER": .consumer
    case "INTERNAL": .internal
    default: .unspecified
    }
  }

  /// An attribute may be the span's, its resource's, its scope's, an event's or a link's.
  func holds(_ span: Span, _ resource: Resource, _ scope: InstrumentationScope) -> Bool {
    if isImpossible { return false }
    if let statusCode, span.status.code != statusCode { return false }
    if let kind, span.kind != kind { return false }
    if let scopeName, !scope.name.hasSameBytes(as: scopeName) { return false }
    if let scopeVersion, !scope.version.hasSameBytes(as: scopeVersion) { return false }
    for (key, value) in resourceAttributes {
      guard Self.holds(key, value, in: resource.attributes) else { return false }
    }
    return attributes.allSatisfy { key, value in
      Self.holds(key, value, in: span.attributes) || Self.holds(key, value, in: scope.attributes)
        || Self.holds(key, value, in: resource.attributes)
        || span.events.contains { Self.holds(key, value, in: $0.attributes) }
        || span.links.contains { Self.holds(key, value, in: $0.attributes) }
    }
  }

  private static func holds(_ key: String, _ value: String, in attributes: [Attribute]) -> Bool {
    attributes.value(of: key)?.text.hasSameBytes(as: value) ?? false
  }
}

extension JaegerSearch {
  /// What the filter asks of single spans.
  private var spanFilter: @Sendable (Span, Resource, InstrumentationScope) -> Bool {
    guard let filter, case .spansets(let pipeline) = filter.body,
      let fields = try? FieldEvaluator(filter),
      let condition = TraceQLCandidates(pipeline).condition
    else { return { _, _, _ in true } }
    return { span, resource, scope in
      let view = SpanFields(span, scope, resource)
      return fields.holds(condition) { view.value($0) ?? .absent }
    }
  }

  /// Whether the filter holds for a whole trace.
  func takes(_ trace: [ResourceSpans]) -> Bool {
    guard let filter, case .spansets(let pipeline) = filter.body,
      !TraceQLCandidates(pipeline).isExact, let fields = try? FieldEvaluator(filter)
    else { return true }
    let sets = try? SpansetEvaluator(fields: fields).run(pipeline, TraceView(trace))
    return !(sets ?? []).isEmpty
  }
}

/// Traces of a search and where the next page begins.
package struct TracePage: Sendable {
  package var traces: [[ResourceSpans]] = []
  /// Nil when there is nothing more.
  package var next: TraceCursor?
}

extension SpanQuery {
  /// The traces that a search finds in its order, each whole.
  nonisolated(nonsending)
    package func search(_ search: JaegerSearch, tenant: TenantID) async throws(SpanStoreError)
    -> TracePage
  {
    let finder = TraceFinder(
      search: search.spanSearch(tenant: tenant), order: search.order, cursor: search.cursor,
      // One more than is answered tells whether there is a next page.
      limit: search.limit + 1)
    return try await onPool { source throws(SpanStoreError) in
      var page = TracePage()
      var last: TraceCursor?
      try finder.find(source, failure: { $0 }) { found throws(SpanStoreError) in
        guard search.takes(found.trace) else { return false }
        if page.traces.count == search.limit {
          page.next = last
        } else {
          page.traces.append(found.trace)
          last = found.place
        }
        return true
      }
      return page
    }
  }
}
