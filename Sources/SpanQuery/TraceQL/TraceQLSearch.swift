import Bytes
package import SpanStore
package import TelemetryModel
import TraceFormats
package import TraceQL

/// A search by TraceQL.
package struct TraceQLSearch: Sendable {
  package var query: TraceQuery
  /// Spans count that start in it, its end excluded; nil for all.
  package var range: Range<Timestamp>?
  /// Traces at most.
  package var limit = 20
  /// Spans at most that are told of each spanset; 0 for all.
  package var spansPerSpanset = 3
  /// Bounds of the trace's length.
  package var minDuration: TimeSpan?
  package var maxDuration: TimeSpan?

  package init(query: TraceQuery) { self.query = query }
}

/// What a search tells of a trace.
package struct TraceSummary: Sendable {
  package struct SpansetSummary: Sendable {
    package struct SpanSummary: Sendable {
      package var id: SpanID
      /// Only when the query speaks of names.
      package var name: String?
      package var start: Timestamp
      package var duration: TimeSpan
      package var attributes: [(name: String, value: TraceValue)]
    }

    package var spans: [SpanSummary]
    package var matched: Int
    package var attributes: [(name: String, value: TraceValue)]
  }

  package struct ServiceStatistics: Sendable {
    package var spanCount = 0
    package var errorCount = 0
  }

  package var id: TraceID
  package var rootService: String
  package var rootName: String
  package var start: Timestamp
  package var duration: TimeSpan
  package var spansets: [SpansetSummary]
  package var services: [(name: String, statistics: ServiceStatistics)]

  /// What Tempo says of a trace whose root did not arrive.
  package static let rootMissing = "<root span not yet received>"
}

/// Why a TraceQL search could not be answered.
package enum TraceQLFailure: Error, Sendable {
  case query(TraceQLError)
  case store(SpanStoreError)
}

extension SpanQuery {
  /// Traces read whole for one answer at most.
  static let traceQLTracesMax = 100_000

  /// The traces that a query finds, the one with the newest span that may match first.
  nonisolated(nonsending)
    package func search(_ search: TraceQLSearch, tenant: TenantID) async
    -> Result<[TraceSummary], TraceQLFailure>
  {
    do {
      return try await onPool { source throws(SpanStoreError) in
        do throws(TraceQLFailure) {
          return .success(try Self.find(search, tenant: tenant, source))
        } catch {
          return .failure(error)
        }
      }
    } catch {
      return .failure(.store(error))
    }
  }

  private static func find(
    _ search: TraceQLSearch, tenant: TenantID, _ source: any SpanSource
  ) throws(TraceQLFailure) -> [TraceSummary] {
    guard case .spansets(let pipeline) = search.query.body else {
      throw .query(TraceQLError(.types, "a query for metrics is none for traces"))
    }
    let fields = try evaluator(search.query)
    let evaluator = SpansetEvaluator(fields: fields)
    let summarizer = TraceSummarizer(search)
    let finder = TraceFinder(
      search: TraceQLCandidates(pipeline).search(
        tenant: tenant, range: search.range, limit: search.limit, fields),
      limit: search.limit)
    var found: [TraceSummary] = []
    try finder.find(source, failure: TraceQLFailure.store) { candidate throws(TraceQLFailure) in
      let trace = TraceView(candidate.trace)
      guard search.takes(trace) else { return false }
      let sets: [Spanset]
      do throws(TraceQLError) { sets = try evaluator.run(pipeline, trace) } catch {
        throw TraceQLFailure.query(error)
      }
      if !sets.isEmpty { found.append(summarizer.summary(of: trace, sets)) }
      return !sets.isEmpty
    }
    return found
  }

  static func evaluator(_ query: TraceQuery) throws(TraceQLFailure) -> FieldEvaluator {
    do { return try FieldEvaluator(query) } catch { throw .query(error) }
  }

  static func stored<Answer>(
    _ body: () throws(SpanStoreError) -> Answer
  ) throws(TraceQLFailure) -> Answer {
    do { return try body() } catch { throw .store(error) }
  }
}

extension TraceQLSearch {
  fileprivate func takes(_ trace: TraceView) -> Bool {
    if let minDuration, trace.duration < minDuration { return false }
    if let maxDuration, trace.duration > maxDuration { return false }
    return !trace.nodes.isEmpty
  }
}

/// Tells of a trace what a search's answer has.
struct TraceSummarizer {
  let search: TraceQLSearch
  private let fields: [TraceField]

  init(_ search: TraceQLSearch) {
    self.search = search
    var known: Set<TraceField> = []
    fields = search.query.fieldsToShow.filter { known.insert($0).inserted }
  }

  func summary(of trace: TraceView, _ sets: [Spanset]) -> TraceSummary {
    let hasRoot = trace.nodes.contains { $0.span.parentSpanID.isZero }
    var statistics: [ByteText: TraceSummary.ServiceStatistics] = [:]
    for node in trace.nodes {
      statistics[node.resource.serviceName, default: .init()].spanCount += 1
      if node.span.status.code == SpanStatus.error {
        statistics[node.resource.serviceName, default: .init()].errorCount += 1
      }
    }
    return TraceSummary(
      id: trace.id,
      rootService: hasRoot ? trace.rootServiceName : TraceSummary.rootMissing,
      rootName: hasRoot ? trace.rootName : "", start: trace.start, duration: trace.duration,
      spansets: sets.map { summary(of: trace, $0) },
      services: statistics.sorted { $0.key < $1.key }.map { ($0.key.text, $0.value) })
  }

  private func summary(of trace: TraceView, _ set: Spanset) -> TraceSummary.SpansetSummary {
    let shown =
      search.spansPerSpanset == 0 ? set.spans[...] : set.spans.prefix(search.spansPerSpanset)
    return TraceSummary.SpansetSummary(
      spans: shown.map { index in
        let span = trace.nodes[index].span
        return TraceSummary.SpansetSummary.SpanSummary(
          id: span.spanID, name: fields.contains(.intrinsic(.name)) ? span.name : nil,
          start: span.start, duration: max(span.end, span.start) - span.start,
          attributes: fields.compactMap { field in
            guard let name = field.shownName else { return nil }
            let value = trace.value(field, of: index)
            return value == .absent ? nil : (name, value)
          })
      }, matched: set.spans.count, attributes: set.attributes)
  }
}

extension TraceQuery {
  /// The fields whose values an answer tells: those that the query reads or selects.
  fileprivate var fieldsToShow: [TraceField] {
    guard case .spansets(let pipeline) = body else { return [] }
    return expressions.flatMap(\.fields)
      + pipeline.stages.flatMap { stage -> [TraceField] in
        if case .select(let fields) = stage { fields } else { [] }
      }
  }
}

extension TraceField {
  /// The name under which a span's answer has it; nil for what the answer says anyway.
  fileprivate var shownName: String? {
    switch self {
    case .attribute(_, let name), .parentAttribute(_, let name): name
    case .intrinsic(let intrinsic):
      switch intrinsic {
      case .name, .duration, .traceDuration, .rootName, .rootServiceName, .traceID, .spanID: nil
      default: intrinsic.rawValue
      }
    }
  }
}
