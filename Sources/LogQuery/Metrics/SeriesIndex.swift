import LogQL
import TelemetryModel

/// Finds the series that a row belongs to; each distinct label set of the pipeline is grouped
/// once.
struct SeriesIndex {
  /// The label sets of the series, in the order in which they came up.
  private(set) var labels: [Labels] = []
  private var places: [Labels: Int] = [:]
  /// By ``RowLabels/id``; -1 for those not seen yet.
  private var placeOf: [Int32] = []
  private let grouping: Grouping?
  /// The unwrapped label is the sample, and no label any more.
  private let unwrapped: Set<String>
  /// A grouping by `__error__` asks for errors instead of failing on them.
  private let keepsErrors: Bool
  private let isAbsent: Bool
  private let leavesEmpty: Bool
  /// What is said of an error that was dropped is no label to group by.
  private static let details: Set<String> = ["__error_details__"]

  init(_ leaf: RangeLeaf) {
    grouping = leaf.grouping
    unwrapped = leaf.aggregation.range.unwrap.map { [$0.label] } ?? []
    keepsErrors =
      leaf.grouping.map { !$0.isWithout && $0.labels.contains("__error__") } ?? false
    isAbsent = leaf.aggregation.function == .absent
    leavesEmpty = leaf.leavesEmpty
  }

  /// Gives series the first places, before any row was seen.
  mutating func start(with known: [Labels]) {
    labels = known
    places = Dictionary(uniqueKeysWithValues: zip(known, known.indices))
  }

  mutating func place(of row: RowLabels) throws(QueryError) -> Int {
    if row.id < placeOf.count, placeOf[row.id] >= 0 { return Int(placeOf[row.id]) }
    if let error = row.error, !keepsErrors {
      throw .pipeline(error, series: row.all.description)
    }
    var group = row.all
    if isAbsent {
      group = .none
    } else if let grouping {
      group = group.grouped(by: grouping)
      if grouping.isWithout, row.error == nil { group = group.without(Self.details) }
    }
    if !unwrapped.isEmpty, grouping.map(\.isWithout) ?? true { group = group.without(unwrapped) }
    if leavesEmpty { group = group.withoutEmpty }
    let place = places[group] ?? labels.count
    if place == labels.count {
      labels.append(group)
      places[group] = place
    }
    while placeOf.count <= row.id { placeOf.append(-1) }
    placeOf[row.id] = Int32(place)
    return place
  }
}

extension [LabelMatcher] {
  /// The labels of `absent_over_time`'s series: what equality says, names said once only.
  var absentLabels: Labels {
    var times: [String: Int] = [:]
    for matcher in self { times[matcher.name, default: 0] += 1 }
    return Labels(
      filter { $0.operation == .equal && times[$0.name] == 1 && !$0.value.isEmpty }
        .map { Label($0.name, $0.value) })
  }
}
