import TelemetryModel

/// The samples of one series with their times, for `rate_counter`.
struct SampleSeries: Sendable {
  private var times: [Timestamp] = []
  private var values: [Double] = []
  private var isSorted = true

  mutating func add(_ value: Double, at time: Timestamp) {
    if let last = times.last, time < last { isSorted = false }
    times.append(time)
    values.append(value)
  }

  mutating func merge(_ other: Self) {
    isSorted = false
    times.append(contentsOf: other.times)
    values.append(contentsOf: other.values)
  }

  private mutating func settle() {
    guard !isSorted else { return }
    let order = times.indices.sorted { (times[$0], $0) < (times[$1], $1) }
    (times, values) = (order.map { times[$0] }, order.map { values[$0] })
    isSorted = true
  }

  /// All samples as one.
  mutating func counter() -> CounterAggregate? {
    settle()
    var counter: CounterAggregate?
    for (time, value) in zip(times, values) {
      if counter?.add(value, at: time) == nil { counter = CounterAggregate(value, at: time) }
    }
    return counter
  }

  /// `rate_counter` for each step.
  mutating func counterRates(_ grid: PaneGrid, span: TimeSpan) -> [Double] {
    settle()
    var series = PaneSeries<CounterAggregate>()
    for (time, value) in zip(times, values) {
      _ = series.add(value, at: time, pane: grid.pane(time))
    }
    var rates = [Double](repeating: .noSample, count: grid.steps)
    series.slide(grid) { step, counter in
      rates[step] = counter.rate(over: span, endingAt: grid.windowEnd(step))
    }
    return rates
  }
}

/// A counter's samples in time order: what it grew by, resets counted.
struct CounterAggregate: WindowAggregate {
  private var first: Double
  private var firstTime: Timestamp
  private var last: Double
  private var lastTime: Timestamp
  private var lostInResets = 0.0
  private var count = 1

  init(_ value: Double, at time: Timestamp) {
    (first, last) = (value, value)
    (firstTime, lastTime) = (time, time)
  }

  mutating func add(_ value: Double, at time: Timestamp) { merge(Self(value, at: time)) }

  mutating func merge(_ later: Self) {
    if later.first < last { lostInResets += last }
    lostInResets += later.lostInResets
    last = later.last
    lastTime = later.lastTime
    count += later.count
  }

  var value: Double { last - first + lostInResets }

  /// Prometheus's `rate` over the window of `span` up to `end`, extrapolated to its borders where
  /// samples come near them. One sample gives 0, as in Loki.
  func rate(over span: TimeSpan, endingAt end: Timestamp) -> Double {
    guard count >= 2 else { return 0 }
    let sampled = (lastTime - firstTime).seconds
    let average = sampled / Double(count - 1)
    var toStart = (firstTime - (end - span)).seconds
    let toEnd = (end - lastTime).seconds
    // A counter doesn't go below zero.
    if value > 0, first >= 0 { toStart = min(toStart, sampled * (first / value)) }
    let threshold = average * 1.1
    var interval = sampled
    interval += toStart < threshold ? toStart : average / 2
    interval += toEnd < threshold ? toEnd : average / 2
    return value * (interval / sampled) / span.seconds
  }
}
