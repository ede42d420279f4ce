import Bytes
import TelemetryModel
import TraceQL

/// Gathers for `compare()` how often each value of each field occurs, in the spans of the
/// selection and in all others (the baseline).
///
/// The fields are the attributes of spans and resources, and `name`, `kind`, `status`,
/// `statusMessage`, `rootName` and `rootServiceName`; lengths of time and ids tell nothing here.
struct MetricsComparison {
  private struct Side {
    /// Counts by step.
    var values: [TraceField: [TraceValue: [Double]]] = [:]
    var totals: [TraceField: [Double]] = [:]
    /// Fields with more values than are counted.
    var crowded: Set<TraceField> = []
  }

  private let range: MetricsRange
  private let selection: FieldExpression
  private let topN: Int
  /// When spans of the selection start, in nanoseconds; nil for the whole range.
  private let window: Range<Int64>?
  private let fields: FieldEvaluator
  /// The baseline and the selection.
  private var sides = [Side(), Side()]
  private var lineCount = 0
  /// Whether fields were left out because there were too many.
  private(set) var isPartial = false

  /// Values of one field that are counted.
  static let valuesMax = 1_000
  /// Numbers held at most, of all values and steps.
  private static let numbersMax = 8_000_000

  init(
    _ range: MetricsRange, selection: FieldExpression, topN: Int, window: Range<Int64>?,
    _ fields: FieldEvaluator
  ) {
    self.range = range
    self.selection = selection
    self.topN = topN
    self.window = window
    self.fields = fields
  }

  private static let intrinsics: [TraceIntrinsic] = [
    .name, .kind, .status, .statusMessage, .rootName, .rootServiceName,
  ]

  /// Counts a span of a trace.
  mutating func add(_ trace: TraceView, _ index: Int) {
    let node = trace.nodes[index]
    guard let step = range.step(of: node.span.start) else { return }
    let isInWindow = window?.contains(node.span.start.nanoseconds) ?? true
    let isSelected = isInWindow && fields.holds(selection) { trace.value($0, of: index) }
    func read(_ attributes: [Attribute], _ scope: TraceScope) -> [(TraceField, TraceValue)] {
      attributes.map { attribute in
        (TraceField.attribute(scope, attribute.key), TraceValue(attribute.value))
      }
    }
    var found: [(TraceField, TraceValue)] = []
    for intrinsic in Self.intrinsics {
      found.append((.intrinsic(intrinsic), trace.value(.intrinsic(intrinsic), of: index)))
    }
    found += read(node.resource.attributes, .resource)
    found += read(node.span.attributes, .span)
    for (field, value) in found where value != .string("") && value.type != .duration {
      count(field, value, step, side: isSelected ? 1 : 0)
    }
  }

  private mutating func count(
    _ field: TraceField, _ value: TraceValue, _ step: Int, side: Int
  ) {
    if sides[side].totals[field] == nil {
      guard makeRoom() else {
        isPartial = true
        return
      }
      sides[side].totals[field] = newLine()
    }
    sides[side].totals[field]?[step] += 1
    guard !sides[side].crowded.contains(field) else { return }
    if sides[side].values[field]?[value] == nil {
      let known = sides[side].values[field]?.count ?? 0
      guard known < Self.valuesMax, makeRoom() else {
        sides[side].crowded.insert(field)
        sides[side].values[field] = nil
        lineCount -= known
        return
      }
      sides[side].values[field, default: [:]][value] = newLine()
    }
    sides[side].values[field]?[value]?[step] += 1
  }

  private mutating func makeRoom() -> Bool {
    guard (lineCount + 1) * range.count <= Self.numbersMax else { return false }
    lineCount += 1
    return true
  }

  private func newLine() -> [Double] { Array(repeating: 0, count: range.count) }

  // MARK: - Series

  /// Of each field the `topN` values that occur most and the number of spans that have it, for
  /// both sides, as Tempo labels them.
  func series() -> [MetricsSeries] {
    series(sides[0], "baseline") + series(sides[1], "selection")
  }

  /// The values that occur most first, alike ones by their text.
  private static func ranked(
    _ lines: [TraceValue: [Double]]
  ) -> [(value: TraceValue, counts: [Double])] {
    var sums: [(value: TraceValue, text: String, sum: Double)] = []
    for (value, counts) in lines {
      let sum = counts.reduce(0.0) { $0 + $1 }
      sums.append((value, value.text, sum))
    }
    sums.sort { a, b in
      if a.sum != b.sum { return a.sum > b.sum }
      return a.text.precedesByBytes(b.text)
    }
    return sums.map { entry in (entry.value, lines[entry.value] ?? []) }
  }

  private func series(_ side: Side, _ type: String) -> [MetricsSeries] {
    var out: [MetricsSeries] = []
    for (field, total) in side.totals.sorted(by: { $0.key.text.precedesByBytes($1.key.text) }) {
      let ranked = Self.ranked(side.values[field] ?? [:])
      for entry in ranked.prefix(topN) {
        out.append(
          MetricsSeries(
            labels: [("__meta_type", .string(type)), (field.text, entry.value)],
            values: entry.counts))
      }
      if side.crowded.contains(field) {
        out.append(
          MetricsSeries(
            labels: [
              ("__meta_type", .string(type)), ("__meta_error", .string("__too_many_values__")),
              (field.text, .absent),
            ], values: newLine()))
      }
      out.append(
        MetricsSeries(
          labels: [("__meta_type", .string(type + "_total")), (field.text, .absent)],
          values: total))
    }
    return out
  }
}
