import Bytes
import SpanStore
import Synchronization
package import TelemetryModel
import TraceFormats
package import TraceQL

/// Which attributes spans have, and with what values.
package struct TagQuestion: Sendable {
  /// Spans count that start in it; nil for all.
  package var range: Range<Timestamp>?
  /// Only spans that meet the filters of this query.
  package var query: TraceQuery?
  /// Names or values at most.
  package var limit = 10_000

  package init() {}

  /// Spans looked at for one answer at most, the newest first.
  package static let spansMax = 500_000
}

extension SpanQuery {
  /// The keys of attributes by where they stand, sorted; scopes without any are left out.
  nonisolated(nonsending)
    package func tagNames(_ question: TagQuestion, scope: TraceScope?, tenant: TenantID) async
    -> Result<[(scope: TraceScope, names: [String])], TraceQLFailure>
  {
    let collected = await collect(question, tenant: tenant, into: TagNames()) { names, view in
      names.add(view)
    }
    return collected.map { names in
      TraceScope.allCases.compactMap { known in
        guard scope == nil || scope == .any || scope == known, let keys = names.keys[known] else {
          return nil
        }
        return (known, Array(keys.sortedTexts().prefix(question.limit)))
      }
    }
  }

  /// The values of a field, sorted by type and text.
  nonisolated(nonsending)
    package func tagValues(_ field: TraceField, _ question: TagQuestion, tenant: TenantID) async
    -> Result<[TraceValue], TraceQLFailure>
  {
    if case .intrinsic(.name) = field, question.query == nil {
      return await known(tenant, question.limit) { source, service throws(SpanStoreError) in
        try source.operations(tenant: tenant, service: service).map(\.name)
      }
    }
    if case .attribute(let scope, "service.name") = field, scope == .resource,
      question.query == nil
    {
      return await known(tenant, question.limit) { _, service throws(SpanStoreError) in [service] }
    }
    let limit = question.limit
    let collected = await collect(question, tenant: tenant, into: Set<TraceValue>()) {
      values, view in
      guard values.count < limit else { return }
      switch view.tagValue(field) {
      case .absent: break
      case .array(let elements), .several(let elements): values.formUnion(elements)
      case let value: values.insert(value)
      }
    }
    return collected.map { values in
      values.filter { $0 != .string("") }.sorted { $0.text.precedesByBytes($1.text) }
    }
  }

  /// Texts that the store keeps a list of, from all services.
  nonisolated(nonsending)
    private func known(
      _ tenant: TenantID, _ limit: Int,
      _ texts: @escaping @Sendable (any SpanSource, String) throws(SpanStoreError) -> [String]
    ) async -> Result<[TraceValue], TraceQLFailure>
  {
    do {
      let all = try await onPool { source throws(SpanStoreError) in
        var all: Set<ByteText> = []
        for service in try source.services(tenant: tenant) {
          for text in try texts(source, service) { all.insert(text) }
        }
        return all
      }
      return .success(all.sortedTexts().filter { !$0.isEmpty }.prefix(limit).map { .string($0) })
    } catch {
      return .failure(.store(error))
    }
  }

  /// Visits the spans of a question, each by itself.
  nonisolated(nonsending)
    private func collect<Gathered: Sendable>(
      _ question: TagQuestion, tenant: TenantID, into start: Gathered,
      _ visit: @escaping @Sendable (inout Gathered, SpanFields) -> Void
    ) async -> Result<Gathered, TraceQLFailure>
  {
    let search: SpanSearch
    do throws(TraceQLFailure) {
      search = try Self.search(question, tenant: tenant)
    } catch {
      return .failure(error)
    }
    do {
      return .success(
        try await onPool { source throws(SpanStoreError) in
          let gathered = Mutex((value: start, left: TagQuestion.spansMax))
          var visiting = search
          visiting.matches = { span, resource, scope in
            if let holds = search.matches, !holds(span, resource, scope) { return false }
            return gathered.withLock { state in
              visit(&state.value, SpanFields(span, scope, resource))
              state.left -= 1
              return state.left <= 0
            }
          }
          _ = try source.search(visiting)
          return gathered.withLock { $0.value }
        })
    } catch {
      return .failure(.store(error))
    }
  }

  private static func search(
    _ question: TagQuestion, tenant: TenantID
  ) throws(TraceQLFailure) -> SpanSearch {
    guard let query = question.query, case .spansets(let pipeline) = query.body else {
      var search = SpanSearch(tenant: tenant, limit: 1)
      search.start = question.range
      return search
    }
    return TraceQLCandidates(pipeline).search(
      tenant: tenant, range: question.range, limit: 1, try evaluator(query))
  }
}

/// Keys of attributes by where they stand.
private struct TagNames: Sendable {
  var keys: [TraceScope: Set<ByteText>] = [:]
  private var resources: Set<Resource> = []

  /// Attributes in one scope at most; senders can make up any number.
  private static let keysMax = 10_000

  mutating func add(_ view: SpanFields) {
    if resources.count < 1000, resources.insert(view.resource).inserted {
      add(view.resource.attributes, .resource)
    }
    add(view.span.attributes, .span)
    for event in view.span.events { add(event.attributes, .event) }
    for link in view.span.links { add(link.attributes, .link) }
    add(view.scope.attributes, .instrumentation)
  }

  private mutating func add(_ attributes: [Attribute], _ scope: TraceScope) {
    for attribute in attributes where (keys[scope]?.count ?? 0) < Self.keysMax {
      keys[scope, default: []].insert(attribute.key)
    }
  }
}

extension SpanFields {
  /// A field's value among those that are offered: a root's name counts as the trace's.
  fileprivate func tagValue(_ field: TraceField) -> TraceValue {
    switch field {
    case .intrinsic(.rootName) where span.parentSpanID.isZero: .string(span.name)
    case .intrinsic(.rootServiceName) where span.parentSpanID.isZero:
      .string(resource.serviceName)
    // Ids are too many to be offered, and lengths of no use.
    case .intrinsic(.traceID), .intrinsic(.spanID), .intrinsic(.parentID), .intrinsic(.duration),
      .intrinsic(.linkSpanID), .intrinsic(.linkTraceID), .intrinsic(.eventTimeSinceStart):
      .absent
    default: value(field) ?? .absent
    }
  }
}
