import Bytes
import TelemetryModel
import TraceQL

/// Gathers the numbers of one metrics function from spans in any order.
struct MetricsAccumulator: Sendable {
  private struct Group: Hashable {
    var by: [TraceValue]
    /// The bucket of histograms and quantiles.
    var bucket: Double?
  }

  private struct Line {
    var values: [Double]
    /// How many values are in each, for averages.
    var counts: [Double] = []
    var exemplars: [MetricsSeries.Exemplar] = []
    var lastExemplarStep = -1
  }

  private let function: MetricsFunction
  private let range: MetricsRange
  private let exemplarsMax: Int
  private var lines: [Group: Line] = [:]
  /// Whether groups were left out because there were too many.
  private(set) var isPartial = false

  /// Series that one answer may have.
  static let seriesMax = 1_000

  init(_ function: MetricsFunction, _ range: MetricsRange, exemplarsMax: Int) {
    self.function = function
    self.range = range
    self.exemplarsMax = exemplarsMax
  }

  /// Counts a span; of a field that has several values, as of events, the first counts.
  mutating func add(_ span: Span, _ readAll: (TraceField) -> TraceValue) {
    func read(_ field: TraceField) -> TraceValue { readAll(field).first }
    guard let step = range.step(of: span.start) else { return }
    var group = Group(by: function.by.map(read))
    var number = 1.0
    switch function.operation {
    case .rate, .countOverTime, .compare: break
    case .minOverTime(let field), .maxOverTime(let field), .sumOverTime(let field),
      .avgOverTime(let field):
      guard let value = Self.number(read(field)) else { return }
      number = value
    case .histogramOverTime(let field), .quantileOverTime(let field, _):
      guard let bucket = Self.bucket(read(field)) else { return }
      group.bucket = bucket
    }
    guard var line = lines[group] ?? newLine() else { return }
    add(number, step, to: &line)
    if line.exemplars.count < exemplarsMax, line.lastExemplarStep != step {
      line.lastExemplarStep = step
      line.exemplars.append(
        MetricsSeries.Exemplar(
          trace: span.traceID, span: span.spanID, value: exemplarValue(read), time: span.start))
    }
    lines[group] = line
  }

  private mutating func newLine() -> Line? {
    guard lines.count < Self.seriesMax * (isBucketed ? 64 : 1) else {
      isPartial = true
      return nil
    }
    switch function.operation {
    case .minOverTime, .maxOverTime, .sumOverTime:
      return Line(values: Array(repeating: .nan, count: range.count))
    case .avgOverTime:
      return Line(
        values: Array(repeating: 0, count: range.count),
        counts: Array(repeating: 0, count: range.count))
    default: return Line(values: Array(repeating: 0, count: range.count))
    }
  }

  private var isBucketed: Bool {
    switch function.operation {
    case .histogramOverTime, .quantileOverTime: true
    default: false
    }
  }

  private func add(_ number: Double, _ step: Int, to line: inout Line) {
    let old = line.values[step]
    switch function.operation {
    case .minOverTime: line.values[step] = old.isNaN ? number : min(old, number)
    case .maxOverTime: line.values[step] = old.isNaN ? number : max(old, number)
    case .sumOverTime: line.values[step] = old.isNaN ? number : old + number
    case .avgOverTime:
      line.values[step] = old + number
      line.counts[step] += 1
    default: line.values[step] = old + 1
    }
  }

  /// Durations count in seconds.
  private static func number(_ value: TraceValue) -> Double? {
    if case .duration(let span) = value { return span.seconds }
    return value.number
  }

  private static func bucket(_ value: TraceValue) -> Double? {
    switch value {
    case .duration(let span): PowerOfTwoBuckets.bucket(Double(span.nanoseconds)).map { $0 / 1e9 }
    case .int(let number): PowerOfTwoBuckets.bucket(Double(number))
    case .float(let number): PowerOfTwoBuckets.bucket(number.rounded(.up))
    default: nil
    }
  }

  private func exemplarValue(_ read: (TraceField) -> TraceValue) -> Double {
    switch function.operation {
    case .rate, .countOverTime, .compare, .histogramOverTime: .nan
    case .minOverTime(let field), .maxOverTime(let field), .sumOverTime(let field),
      .avgOverTime(let field), .quantileOverTime(let field, _):
      Self.number(read(field)) ?? .nan
    }
  }

  // MARK: - Series

  /// What was gathered, sorted by labels.
  func series() -> [MetricsSeries] {
    let series: [MetricsSeries] =
      switch function.operation {
      case .quantileOverTime(_, let quantiles): quantileSeries(quantiles)
      default: lines.map { self.series($0.key, $0.value) }
      }
    if series.isEmpty, function.by.isEmpty, !isBucketed, case .rate = function.operation {
      // A rate of nothing is zero all the time.
      return [
        MetricsSeries(
          labels: [("__name__", .string(function.name))],
          values: Array(repeating: 0, count: range.count))
      ]
    }
    return series.sorted { Self.sortKey($0).precedesByBytes(Self.sortKey($1)) }
  }

  static func sortKey(_ series: MetricsSeries) -> String {
    series.labels.map { "\($0.name)\u{0}\($0.value.text)" }.joined(separator: "\u{0}")
  }

  private func series(_ group: Group, _ line: Line) -> MetricsSeries {
    var values = line.values
    switch function.operation {
    case .rate:
      let seconds = Double(range.stepNanoseconds) / 1e9
      values = values.map { $0 / seconds }
    case .avgOverTime:
      values = zip(values, line.counts).map { $1 == 0 ? .nan : $0 / $1 }
    default: break
    }
    var labels = self.labels(group)
    if let bucket = group.bucket { labels.append(("__bucket", .float(bucket))) }
    return MetricsSeries(
      labels: labels.isEmpty ? [("__name__", .string(function.name))] : labels, values: values,
      exemplars: line.exemplars)
  }

  private func labels(_ group: Group) -> [(name: String, value: TraceValue)] {
    let all = zip(function.by, group.by).map { (name: $0.text, value: $1) }
    let known = all.filter { $0.value != .absent }
    return known.isEmpty ? Array(all.prefix(1)) : known
  }

  private func quantileSeries(_ quantiles: [Double]) -> [MetricsSeries] {
    let groups = Dictionary(grouping: lines.keys) { $0.by }
    return groups.values.flatMap { members -> [MetricsSeries] in
      let ends = members.compactMap { member in member.bucket.map { (end: $0, group: member) } }
        .sorted { $0.end < $1.end }
      guard let first = members.first else { return [] }
      return quantiles.map { quantile in
        let values = (0..<range.count).map { step in
          PowerOfTwoBuckets.quantile(
            quantile,
            ends.compactMap { pair in
              let count = Int(lines[pair.group]?.values[step] ?? 0)
              return count > 0 ? (pair.end, count) : nil
            })
        }
        return MetricsSeries(
          labels: labels(first) + [("p", .float(quantile))], values: values,
          exemplars: ends.flatMap { lines[$0.group]?.exemplars ?? [] })
      }
    }
  }
}
