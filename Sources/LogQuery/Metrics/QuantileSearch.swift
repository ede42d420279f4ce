import TelemetryModel

/// Finds the quantile of each series of one window exactly without keeping its numbers: they are
/// read four times, and each time sixteen more bits of the numbers at the two ranks become known.
///
/// Rows that come between two readings may move a result to a number nearby.
struct QuantileSearch {
  private struct Target {
    /// The bits that are known.
    var prefix: UInt64 = 0
    /// Among the numbers that begin with them.
    var rank: Int
  }

  private struct Series {
    var count: Int
    /// The ranks that the quantile is made of, and what is known of the numbers there.
    var ranks: [Int]
    var targets: [Target]
  }

  private let fraction: Double
  private var knownBits = 0
  private var series: [Series] = []

  init(fraction: Double) { self.fraction = fraction }

  var isDone: Bool { knownBits == 64 }

  /// What the next reading is to count.
  var counts: DigitCounts {
    DigitCounts(
      knownBits: knownBits,
      prefixes: knownBits == 0 ? nil : series.map { $0.targets.map(\.prefix) })
  }

  /// Takes in what a reading counted.
  mutating func narrow(_ counts: DigitCounts) {
    if knownBits == 0 {
      for place in 0..<counts.seriesCount {
        let count = counts.counts(of: place, 0).reduce(0) { $0 + $1.count }
        var ranks: [Int] = []
        if count > 0 {
          _ = Quantile.value(fraction, count: count) { rank in
            ranks.append(rank)
            return 0
          }
        }
        series.append(
          Series(count: count, ranks: ranks, targets: ranks.map { Target(rank: $0) }))
      }
    }
    for place in series.indices {
      for number in series[place].targets.indices {
        // The first reading counted all numbers once.
        let counted = counts.counts(of: place, knownBits == 0 ? 0 : number)
        var target = series[place].targets[number]
        var digit: UInt16 = 0
        for (next, count) in counted {
          digit = next
          if target.rank < count { break }
          target.rank -= count
        }
        target.prefix = target.prefix << 16 | UInt64(digit)
        series[place].targets[number] = target
      }
    }
    knownBits += 16
  }

  /// The quantile of a series once all bits are known; nil when it has no numbers, or came up
  /// after the first reading.
  func value(of place: Int) -> Double? {
    guard place < series.count, series[place].count > 0 else { return nil }
    let (ranks, targets) = (series[place].ranks, series[place].targets)
    return Quantile.value(fraction, count: series[place].count) { rank in
      ranks.firstIndex(of: rank).map { targets[$0].prefix } ?? 0
    }
  }
}

/// How often each value of the next sixteen bits occurs among numbers that begin with known bits.
struct DigitCounts: SampleSink {
  let knownBits: Int
  /// Of each series the beginnings that matter; nil when nothing is known of any.
  let prefixes: [[UInt64]]?
  private var series: [[[UInt16: Int]]] = []
  /// Kept are the counts.
  private(set) var sampleCount = 0

  init(knownBits: Int, prefixes: [[UInt64]]?) {
    self.knownBits = knownBits
    self.prefixes = prefixes
  }

  var seriesCount: Int { series.count }

  /// The counts for a series' n-th beginning, in order of the bits.
  func counts(of place: Int, _ number: Int) -> [(digit: UInt16, count: Int)] {
    guard place < series.count, number < series[place].count else { return [] }
    return series[place][number].sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private mutating func makeRoom(_ place: Int) {
    while series.count <= place {
      let own = prefixes.map { series.count < $0.count ? $0[series.count].count : 0 } ?? 1
      series.append(Array(repeating: [:], count: own))
    }
  }

  mutating func add(_ value: Double, at time: Timestamp, pane: Int, to place: Int) {
    makeRoom(place)
    let ordered = OrderedNumber.from(value)
    for number in series[place].indices {
      if let prefixes, ordered >> UInt64(64 - knownBits) != prefixes[place][number] { continue }
      let digit = UInt16(truncatingIfNeeded: ordered >> UInt64(48 - knownBits))
      let count = series[place][number][digit, default: 0]
      if count == 0 { sampleCount += 1 }
      series[place][number][digit] = count + 1
    }
  }

  mutating func add(ones count: Int, pane: Int, to place: Int) {
    for _ in 0..<count { add(1, at: .zero, pane: pane, to: place) }
  }

  mutating func merge(_ other: Self, places: [Int]) {
    for (from, own) in other.series.enumerated() {
      makeRoom(places[from])
      for (number, counts) in own.enumerated() where number < series[places[from]].count {
        series[places[from]][number].merge(counts) { $0 + $1 }
      }
    }
    sampleCount += other.sampleCount
  }

  func values(of place: Int, _ panes: PaneGrid) -> [Double] {
    [Double](repeating: .noSample, count: panes.steps)
  }
}
