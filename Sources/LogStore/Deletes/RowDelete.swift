import LogQL
import Regex
import Storage
import TelemetryModel

/// A delete made ready: which rows of which streams it takes.
struct RowDelete: Sendable {
  let tenant: TenantID
  /// Both ends included.
  let range: ClosedRange<Timestamp>
  private let matchers: [CompiledMatcher]
  /// Decide on lines; none takes every line.
  let conditions: ScanConditions
  /// Decide on labels and structured metadata; all must hold.
  private let filters: [RowLabelFilter]
  /// All stages, where more than lines, labels and structured metadata as they are stored decide;
  /// empty otherwise.
  private let stages: [Stage]

  /// Throws ``LogStoreError/Code/badQuery`` for a metric query and for stages that cannot be made.
  /// Stages that choose no lines, such as `| json` at the end, mean nothing.
  init(tenant: TenantID, query: String, range: ClosedRange<Timestamp>) throws(LogStoreError) {
    self.tenant = tenant
    self.range = range
    let expression: Expression
    do throws(LogQLError) {
      expression = try LogQL.parse(query, allowsAnyStreams: true)
    } catch { throw LogStoreError(.badQuery, error.message) }
    guard case .log(let selection) = expression else {
      throw LogStoreError(.badQuery, "a delete request takes a log query, not a metric query")
    }
    matchers = try CompiledMatcher.compile(selection.matchers)
    let plain = try Self.plain(selection.stages)
    let conditions = plain?.conditions ?? []
    filters = plain?.filters ?? []
    stages = plain == nil ? selection.stages : []
    if !stages.isEmpty { _ = try StageFilters.make(stages) }
    var scan = LogScan(tenants: [], matchers: [], range: .distantPast ..< .distantFuture)
    scan.conditions = conditions
    self.conditions = ScanConditions(scan)
  }

  /// What the catalog keeps of it. Throws for text of a later version.
  init(_ tombstone: Tombstone) throws(LogStoreError) {
    guard let tenant = TenantID(tombstone.tenant) else {
      throw LogStoreError(
        .corrupt, "a delete is of \(quoted(tombstone.tenant)), which is no tenant")
    }
    try self.init(tenant: tenant, query: tombstone.query, range: tombstone.range)
  }

  /// The filters that decide on rows as they are stored; nil where stages decide otherwise.
  private static func plain(_ stages: [Stage]) throws(LogStoreError)
    -> (conditions: [LineCondition], filters: [RowLabelFilter])?
  {
    var conditions: [LineCondition] = []
    var filters: [RowLabelFilter] = []
    var isChanged = false
    for stage in stages {
      switch stage {
      case .lineFilter(let filter) where !isChanged:
        guard let condition = try Self.condition(filter) else { return nil }
        conditions.append(condition)
      case .labelFilter(let filter) where !isChanged:
        guard let made = try RowLabelFilter(filter) else { return nil }
        filters.append(made)
      case .lineFilter, .labelFilter: return nil
      default: isChanged = true
      }
    }
    return (conditions, filters)
  }

  /// nil for patterns and addresses.
  private static func condition(_ filter: LineFilter) throws(LogStoreError) -> LineCondition? {
    var tests: [LineCondition.Test] = []
    for operand in filter.operands {
      switch (operand, filter.operation) {
      case (.text(let text), .contains), (.text(let text), .notContains):
        tests.append(.contains(text))
      case (.text(let text), .matches), (.text(let text), .notMatches):
        do throws(RegexError) {
          tests.append(.matches(try Regex(String(decoding: text, as: UTF8.self))))
        } catch { throw LogStoreError(.badQuery, error.message) }
      default: return nil
      }
    }
    return LineCondition(tests, isNegated: filter.operation.isNegative)
  }

  /// Whether it may take rows of a stream.
  func concerns(_ stream: StreamReference) -> Bool {
    stream.tenant == tenant
      && matchers.allSatisfy { $0.matches(stream.labels[$0.name] ?? "") }
  }

  /// Whether a line, its labels and its time are all that it asks for.
  var decidesOnText: Bool { stages.isEmpty }

  /// Whether labels and structured metadata decide, too.
  var asksLabels: Bool { !filters.isEmpty }

  /// Whether a line of its range passes its conditions of lines.
  func takes(_ line: UnsafeRawBufferPointer) -> Bool {
    conditions.conditions.allSatisfy { $0.holds(line) }
  }

  /// Whether labels and structured metadata pass its filters.
  func takes(_ labels: Labels, _ metadata: [Label]) -> Bool {
    filters.allSatisfy { $0.holds(labels, metadata) }
  }

  /// Of the rows taken so far those that pass all stages.
  private func keepPassing(
    _ taken: inout [ChosenRun], _ rows: any LoadedRows, _ times: [Timestamp]
  ) throws(LogStoreError) {
    var filter = try StageFilters.make(stages)
    var line: [UInt8] = []
    for index in taken.indices {
      var kept: [UInt32] = []
      for row in taken[index].rows.rows {
        let metadata = try rows.metadata(Int(row))
        line.removeAll(keepingCapacity: true)
        try rows.appendLine(Int(row), to: &line)
        let stream = taken[index].stream
        let passes = line.withUnsafeBytes {
          filter.passes(line: $0, at: times[Int(row)], stream: stream, metadata: metadata)
        }
        if passes { kept.append(row) }
      }
      taken[index].rows = .list(kept)
    }
  }

  /// Of a run's rows those that it leaves; the run is of a stream that it concerns.
  func surviving(_ run: ChosenRun, _ rows: any LoadedRows) throws(LogStoreError) -> ChosenRun {
    guard run.rows.count > 0 else { return run }
    let times = try rows.timestamps()
    let inRange = run.rows.filtered { range.contains(times[$0]) }
    guard inRange.count > 0 else { return run }
    var taken = [ChosenRun(stream: run.stream, rows: inRange)]
    if !conditions.isEmpty { taken = try rows.select(taken, conditions) }
    if !filters.isEmpty {
      for index in taken.indices {
        let labels = run.stream.labels
        var kept: [UInt32] = []
        for row in taken[index].rows.rows {
          let metadata = try rows.metadata(Int(row))
          if takes(labels, metadata) { kept.append(row) }
        }
        taken[index].rows = .list(kept)
      }
    }
    if !stages.isEmpty { try keepPassing(&taken, rows, times) }
    guard let gone = taken.first?.rows, gone.count > 0 else { return run }
    let goneRows = gone.rows
    var next = 0
    var left = run
    left.rows = run.rows.filtered { row in
      guard next < goneRows.count, goneRows[next] == UInt32(truncatingIfNeeded: row) else {
        return true
      }
      next += 1
      return false
    }
    return left
  }
}
