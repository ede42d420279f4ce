import TelemetryModel

/// What one thread keeps of the samples of a range aggregation, by the number of their series.
protocol SampleSink: Sendable {
  /// How many numbers are kept one by one; where samples of a pane are put together, how many
  /// panes beyond the first of each series.
  var sampleCount: Int { get }
  mutating func add(_ value: Double, at time: Timestamp, pane: Int, to series: Int)
  /// Adds `count` samples of the value 1, one at least.
  mutating func add(ones count: Int, pane: Int, to series: Int)
  /// Takes in what another thread kept; `places` are its series' numbers here.
  mutating func merge(_ other: Self, places: [Int])
  /// The values of each step's window, ``Swift/Double/noSample`` where it is empty.
  mutating func values(of series: Int, _ panes: PaneGrid) -> [Double]
}

/// For functions whose samples of a pane can be put together.
struct PaneTable<Aggregate: WindowAggregate>: SampleSink {
  /// What the values are divided by.
  let divisor: Double
  private var series: [PaneSeries<Aggregate>] = []
  private(set) var sampleCount = 0
  /// Beyond this many panes those of all series are settled: blocks often begin anew with old
  /// panes of many series.
  private var settledAt = 1 << 16

  init(divisor: Double) { self.divisor = divisor }

  @inline(__always)
  private mutating func makeRoom(_ place: Int) {
    while series.count <= place {
      series.append(PaneSeries())
      sampleCount -= 1
    }
  }

  @inline(__always)
  mutating func add(_ value: Double, at time: Timestamp, pane: Int, to place: Int) {
    makeRoom(place)
    sampleCount += series[place].add(value, at: time, pane: pane)
    if sampleCount > settledAt { settle() }
  }

  @inline(__always)
  mutating func add(ones count: Int, pane: Int, to place: Int) {
    makeRoom(place)
    sampleCount += series[place].add(ones: count, pane: pane)
    if sampleCount > settledAt { settle() }
  }

  private mutating func settle() {
    sampleCount = 0
    for place in series.indices {
      series[place].settle()
      // Room was made for a series, and no sample came: 0 - 1.
      sampleCount += series[place].panes.count - 1
    }
    settledAt = max(1 << 16, 2 * sampleCount)
  }

  mutating func merge(_ other: Self, places: [Int]) {
    for (number, one) in other.series.enumerated() {
      makeRoom(places[number])
      sampleCount += series[places[number]].merge(one)
    }
  }

  mutating func values(of place: Int, _ panes: PaneGrid) -> [Double] {
    var values = [Double](repeating: .noSample, count: panes.steps)
    guard place < series.count else { return values }
    series[place].settle()
    let divisor = divisor
    series[place].slide(panes) { step, aggregate in
      values[step] = divisor == 1 ? aggregate.value : aggregate.value / divisor
    }
    return values
  }
}

/// `rate_counter`: every sample with its time.
struct CounterTable: SampleSink {
  let span: TimeSpan
  private var series: [SampleSeries] = []
  private(set) var sampleCount = 0

  init(span: TimeSpan) { self.span = span }

  mutating func add(_ value: Double, at time: Timestamp, pane: Int, to place: Int) {
    while series.count <= place { series.append(SampleSeries()) }
    series[place].add(value, at: time)
    sampleCount += 1
  }

  mutating func add(ones count: Int, pane: Int, to place: Int) {
    for _ in 0..<count { add(1, at: .zero, pane: pane, to: place) }
  }

  mutating func merge(_ other: Self, places: [Int]) {
    for (number, one) in other.series.enumerated() {
      while series.count <= places[number] { series.append(SampleSeries()) }
      series[places[number]].merge(one)
    }
    sampleCount += other.sampleCount
  }

  mutating func values(of place: Int, _ panes: PaneGrid) -> [Double] {
    guard place < series.count else {
      return [Double](repeating: .noSample, count: panes.steps)
    }
    return series[place].counterRates(panes, span: span)
  }
}

extension CounterTable {
  /// What the counter of a series did, all of its samples taken together; nil without any.
  mutating func counter(of place: Int) -> CounterAggregate? {
    place < series.count ? series[place].counter() : nil
  }
}

/// `quantile_over_time`: every number, by pane.
struct QuantileTable: SampleSink {
  let fraction: Double
  private var series: [PaneSamples] = []
  private(set) var sampleCount = 0

  init(fraction: Double) { self.fraction = fraction }

  mutating func add(_ value: Double, at time: Timestamp, pane: Int, to place: Int) {
    while series.count <= place { series.append(PaneSamples()) }
    series[place].add(value, pane: pane)
    sampleCount += 1
  }

  mutating func add(ones count: Int, pane: Int, to place: Int) {
    for _ in 0..<count { add(1, at: .zero, pane: pane, to: place) }
  }

  mutating func merge(_ other: Self, places: [Int]) {
    for (number, one) in other.series.enumerated() {
      while series.count <= places[number] { series.append(PaneSamples()) }
      series[places[number]].merge(one)
    }
    sampleCount += other.sampleCount
  }

  mutating func values(of place: Int, _ panes: PaneGrid) -> [Double] {
    guard place < series.count else {
      return [Double](repeating: .noSample, count: panes.steps)
    }
    // Given up series by series: what they need for a while is not needed for all at once.
    var samples = PaneSamples()
    swap(&samples, &series[place])
    return samples.quantiles(fraction, panes)
  }
}
