package import LogStore
import Synchronization
package import TelemetryModel

/// A source whose streams have their tenant as the label `__tenant_id__`, for questions to
/// several tenants at once. Matchers of that name choose among the tenants.
///
/// A label of that name that a stream has already becomes `original___tenant_id__`, as in Loki.
package struct TenantLabels: LogRowSource, LogStreamIndex {
  /// The label's name.
  package static let name = "__tenant_id__"

  private let source: any LogRowSource
  private let index: any LogStreamIndex

  package init(source: any LogRowSource, index: any LogStreamIndex) {
    self.source = source
    self.index = index
  }

  package func plan(_ scan: LogScan) throws -> any LogRowPlan {
    var inner = scan
    inner.tenants = try Self.tenants(scan.tenants, scan.matchers)
    inner.matchers = scan.matchers.filter { $0.name != Self.name }
    return TenantLabelledPlan(base: try source.plan(inner))
  }

  package func streamLabels(
    tenants: [TenantID], matchers: [[LabelMatcher]], range: Range<Timestamp>
  ) throws -> [Labels] {
    var found: Set<Labels> = []
    for selector in matchers.isEmpty ? [[]] : matchers {
      let rest = selector.filter { $0.name != Self.name }
      for tenant in try Self.tenants(tenants, selector) {
        let labels = try index.streamLabels(
          tenants: [tenant], matchers: rest.isEmpty ? [] : [rest], range: range)
        for one in labels { found.insert(Self.labelled(one, tenant)) }
      }
    }
    return Array(found)
  }

  package func indexStatistics(
    tenants: [TenantID], matchers: [LabelMatcher], range: Range<Timestamp>
  ) throws -> IndexStatistics {
    try index.indexStatistics(
      tenants: try Self.tenants(tenants, matchers),
      matchers: matchers.filter { $0.name != Self.name }, range: range)
  }

  /// The tenants that all matchers of the label fit.
  private static func tenants(_ tenants: [TenantID], _ matchers: [LabelMatcher]) throws
    -> [TenantID]
  {
    let own = try CompiledMatcher.compile(matchers.filter { $0.name == name })
    return tenants.filter { tenant in own.allSatisfy { $0.matches(tenant.name) } }
  }

  static func labelled(_ labels: Labels, _ tenant: TenantID) -> Labels {
    let kept = labels.sorted.map { label in
      label.name == name ? Label("original_" + name, label.value) : label
    }
    return Labels((kept + [Label(name, tenant.name)]).sorted())
  }
}

/// A plan whose batches name streams with their tenant.
private final class TenantLabelledPlan: LogRowPlan {
  private let base: any LogRowPlan
  private let known = Mutex<[StreamReference: StreamReference]>([:])

  init(base: any LogRowPlan) { self.base = base }

  var workersMax: Int { base.workersMax }
  var lineBytes: Int { get throws { try base.lineBytes } }

  func run(_ visit: (LogRows) throws -> ScanStep) throws -> ScanStatistics {
    try base.run { rows in
      let runs = rows.runs.map { LogRows.Run(stream: labelled($0.stream), rows: $0.rows) }
      return try visit(rows.named(runs))
    }
  }

  private func labelled(_ stream: StreamReference) -> StreamReference {
    known.withLock { known in
      if let made = known[stream] { return made }
      let made = StreamReference(
        id: stream.id, tenant: stream.tenant,
        labels: TenantLabels.labelled(stream.labels, stream.tenant))
      known[stream] = made
      return made
    }
  }
}
