import TelemetryModel

/// The samples of one series, for functions that need each of them.
struct SampleSeries {
  private var times: [Timestamp] = []
  private var values: [Double] = []
  private var isSorted = true

  mutating func add(_ value: Double, at time: Timestamp) {
    if let last = times.last, time < last { isSorted = false }
    times.append(time)
    values.append(value)
  }

  private mutating func settle() {
    guard !isSorted else { return }
    let order = times.indices.sorted { (times[$0], $0) < (times[$1], $1) }
    (times, values) = (order.map { times[$0] }, order.map { values[$0] })
    isSorted = true
  }

  /// `rate_counter` for each step.
  mutating func counterRates(_ grid: PaneGrid, span: TimeSpan) -> [Double] {
    settle()
    var series = PaneSeries<CounterAggregate>()
    for (time, value) in zip(times, values) {
      series.append(CounterAggregate(value, at: time), pane: grid.pane(time))
    }
    var rates = [Double](repeating: .noSample, count: grid.steps)
    series.slide(grid) { step, counter in
      rates[step] = counter.rate(over: span, endingAt: grid.windowEnd(step))
    }
    return rates
  }

  /// `quantile_over_time` for each step.
  mutating func quantiles(_ fraction: Double, _ grid: PaneGrid) -> [Double] {
    settle()
    let panes = times.map(grid.pane)
    var result = [Double](repeating: .noSample, count: grid.steps)
    var window: [Double] = []
    var low = 0
    var high = 0
    for step in 0..<grid.steps {
      let last = step * grid.stride
      let first = last - grid.panesPerWindow + 1
      if grid.stride >= grid.panesPerWindow {
        // Windows share nothing: sort each once.
        while low < panes.count, panes[low] < first { low += 1 }
        high = low
        while high < panes.count, panes[high] <= last { high += 1 }
        window = values[low..<high].sorted(by: Quantile.precedes)
        low = high
      } else {
        while high < panes.count, panes[high] <= last {
          window.insert(values[high], at: Quantile.place(of: values[high], in: window))
          high += 1
        }
        while low < high, panes[low] < first {
          window.remove(at: Quantile.place(of: values[low], in: window))
          low += 1
        }
      }
      if !window.isEmpty { result[step] = Quantile.value(fraction, ofSorted: window) }
    }
    return result
  }
}

enum Quantile {
  /// Numbers in order, after what is no number.
  static func precedes(_ a: Double, _ b: Double) -> Bool {
    if a.isNaN || b.isNaN { return a.isNaN && !b.isNaN }
    return a < b
  }

  /// The first place in `sorted` whose element `value` doesn't follow.
  static func place(of value: Double, in sorted: [Double]) -> Int {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if precedes(sorted[middle], value) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Prometheus's quantile: linear between the two nearest ranks.
  static func value(_ fraction: Double, ofSorted values: [Double]) -> Double {
    if values.isEmpty || fraction.isNaN { return .nan }
    if fraction < 0 { return -.infinity }
    if fraction > 1 { return .infinity }
    let rank = fraction * Double(values.count - 1)
    let lower = max(0, rank.rounded(.down))
    let upper = min(Double(values.count - 1), lower + 1)
    let weight = rank - rank.rounded(.down)
    return values[Int(lower)] * (1 - weight) + values[Int(upper)] * weight
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
