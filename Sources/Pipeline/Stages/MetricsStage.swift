import Bytes
import Configuration
import LogQL
import TelemetryModel
import WireFormats

/// `metrics`: counters, gauges and histograms of what passes, one series for each stream.
final class MetricsStage: Stage {
  private enum Action {
    case increment(Double)
    case add(Double)
    case set
    case observe
  }

  private struct Metric {
    let family: MetricFamily
    let source: Int
    let action: Action
    /// Counts only where the source's text is this.
    let value: [UInt8]?
    /// Counts every line, whether the source is there or not.
    let matchesAll: Bool
    let countsBytes: Bool
  }

  private let metrics: [Metric]
  /// The series of each stream and metric, by the labels' key.
  private var rows = LabelTable()
  private var series: [MetricSeries?] = []
  private var key = LabelKey()

  /// More streams than this are looked up anew.
  private static let rowsMax = 10_000

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    let section = try stage.section(shared)
    var metrics: [Metric] = []
    for member in section.allMembers {
      var inner = try SettingSection(
        member.value, path: section.path(member.key), file: stage.file)
      inner.remarks = shared.remarks
      metrics.append(try MetricsStage.metric(member.key, &inner, shared))
    }
    self.metrics = metrics
  }

  // MARK: Reading the settings

  private static func metric(
    _ name: String, _ section: inout SettingSection, _ shared: StageResources
  ) throws(ConfigurationError) -> Metric {
    var type: String?
    var help: String?
    var source: String?
    var prefix: String?
    var idle = TimeSpan.seconds(300)
    try section.readText("type", &type)
    try section.readText("description", &help)
    try section.readText("source", &source)
    try section.readText("prefix", &prefix)
    try section.read("max_idle_duration", &idle)
    guard idle >= .seconds(1) else {
      throw section.error("max_idle_duration", "must be 1s at least")
    }
    let settings = section.node("config") ?? .nothing(at: section.mark)
    var config = try SettingSection(settings, path: section.path("config"), file: section.file)
    config.remarks = section.remarks
    try section.finish()
    let full = (prefix.flatMap { $0.isEmpty ? nil : $0 } ?? "promtail_custom_") + name
    var value: String?
    try config.readText("value", &value)
    var matchesAll = false
    var countsBytes = false
    let kind: MetricKind
    let action: Action
    switch type?.lowercased() {
    case "counter":
      kind = .counter
      try config.read("match_all", &matchesAll)
      try config.read("count_entry_bytes", &countsBytes)
      action = try self.action(&config, isCounter: true)
      if matchesAll, value != nil {
        throw config.error("match_all", "cannot stand beside `value`")
      }
      guard !countsBytes || matchesAll else {
        throw config.error("count_entry_bytes", "needs `match_all: true`")
      }
      if countsBytes, case .increment = action {
        throw config.error("count_entry_bytes", "needs `action: add`")
      }
    case "gauge":
      kind = .gauge
      action = try self.action(&config, isCounter: false)
    case "histogram":
      kind = .histogram(try buckets(&config))
      action = .observe
    default:
      throw section.error("type", "must be counter, gauge or histogram, not `\(type ?? "")`")
    }
    try config.finish()
    let seconds = idle.nanoseconds / 1_000_000_000
    let family = shared.metrics.family(full, help: help ?? "", kind: kind, idleSeconds: seconds)
    guard let family else {
      throw section.error("type", "is another one than `\(full)` has elsewhere")
    }
    return Metric(
      family: family, source: shared.slots.slot(source ?? name), action: action,
      value: value.map { Array($0.utf8) }, matchesAll: matchesAll, countsBytes: countsBytes)
  }

  private static func action(_ config: inout SettingSection, isCounter: Bool)
    throws(ConfigurationError) -> Action
  {
    var name = ""
    try config.read("action", &name)
    switch name.lowercased() {
    case "inc": return .increment(1)
    case "add": return .add(1)
    case "dec" where !isCounter: return .increment(-1)
    case "sub" where !isCounter: return .add(-1)
    case "set" where !isCounter: return .set
    default:
      let known = isCounter ? "inc or add" : "set, inc, dec, add or sub"
      throw config.error("action", "must be \(known)" + (name.isEmpty ? "" : ", not `\(name)`"))
    }
  }

  /// Ascending bounds; the infinite one is always there.
  private static func buckets(_ config: inout SettingSection) throws(ConfigurationError) -> [Double]
  {
    var bounds: [Double] = []
    for item in try config.list("buckets") {
      guard let bound = item.scalar?.doubleValue, !bound.isNaN else {
        throw config.error("buckets", "must be numbers", at: item)
      }
      if let last = bounds.last, bound <= last {
        throw config.error("buckets", "must ascend", at: item)
      }
      bounds.append(bound)
    }
    if bounds.isEmpty { bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] }
    if bounds.last == .infinity { bounds.removeLast() }
    return bounds
  }

  // MARK: Counting

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    var row: Int?
    for (index, metric) in metrics.enumerated() {
      guard let amount = amount(metric, &entry) else { continue }
      let at = row ?? self.row(of: entry)
      row = at
      record(amount, metric, at * metrics.count + index, entry, shared)
    }
    return .proceed
  }

  /// What is added, set or observed; nil when the line does not count.
  private func amount(_ metric: Metric, _ entry: inout StageEntry) -> Double? {
    if metric.matchesAll {
      if metric.countsBytes { return Double(entry.line.count) }
      if case .increment(let step) = metric.action { return step }
      return nil
    }
    guard entry[metric.source] != .absent else { return nil }
    if let value = metric.value {
      guard let range = entry.text(metric.source), entry.bytes[range].elementsEqual(value) else {
        return nil
      }
    }
    switch metric.action {
    case .increment(let step): return step
    case .set, .observe: return number(metric.source, entry)
    case .add(let sign):
      guard let number = number(metric.source, entry) else { return nil }
      // A counter never falls.
      if metric.family.kind == .counter, number < 0 { return nil }
      return sign * number
    }
  }

  /// Numbers as they are, texts as numbers or else as durations in seconds.
  private func number(_ slot: Int, _ entry: borrowing StageEntry) -> Double? {
    switch entry[slot] {
    case .absent, .null: return nil
    case .bool(let flag): return flag ? 1 : 0
    case .number(let number): return number
    case .text(let range):
      return entry.withText(range) { text in
        GoFloat.parse(text) ?? DurationText.parseGo(text)?.seconds
      }
    }
  }

  private func row(of entry: borrowing StageEntry) -> Int {
    entry.writeKey(&key)
    if rows.count >= MetricsStage.rowsMax {
      rows.removeAll()
      series.removeAll(keepingCapacity: true)
    }
    let (row, isNew) = rows.number(of: key)
    if isNew { series.append(contentsOf: repeatElement(nil, count: metrics.count)) }
    return row
  }

  private func record(
    _ amount: Double, _ metric: Metric, _ index: Int, _ entry: borrowing StageEntry,
    _ shared: StageResources
  ) {
    var found = series[index]
    if found == nil || found?.isRetired == true {
      let labels = entry.labels(shared.slots).sorted.filter {
        !$0.name.isEmpty && !$0.name.hasBytePrefix("__")
      }
      found = metric.family.series(Labels(labels))
      series[index] = found
    }
    let now = shared.metrics.seconds
    switch metric.action {
    case .increment, .add: found?.add(amount, nowSeconds: now)
    case .set: found?.set(amount, nowSeconds: now)
    case .observe: found?.observe(amount, nowSeconds: now)
    }
  }
}
