import TelemetryModel

/// What is kept of the samples of a pane, and of panes put together.
protocol WindowAggregate: Sendable {
  init(_ value: Double, at time: Timestamp)
  mutating func add(_ value: Double, at time: Timestamp)
  /// Adds `count` samples of the value 1.
  mutating func add(ones count: Int)
  /// Takes in what came after.
  mutating func merge(_ later: Self)
  var value: Double { get }
}

extension WindowAggregate {
  mutating func add(ones count: Int) {
    for _ in 0..<count { add(1, at: .zero) }
  }
}

/// `count_over_time`, `rate`: how many.
struct CountAggregate: WindowAggregate {
  private var count: Int = 1

  init(_ value: Double, at time: Timestamp) {}
  mutating func add(_ value: Double, at time: Timestamp) { count += 1 }
  mutating func add(ones more: Int) { count += more }
  mutating func merge(_ later: Self) { count += later.count }
  var value: Double { Double(count) }
}

/// `sum_over_time`, `bytes_over_time` and the rates of both.
struct SumAggregate: WindowAggregate {
  private(set) var value: Double

  init(_ value: Double, at time: Timestamp) { self.value = value }
  mutating func add(_ value: Double, at time: Timestamp) { self.value += value }
  mutating func merge(_ later: Self) { value += later.value }
}

struct AverageAggregate: WindowAggregate {
  private var sum: Double
  private var count = 1.0

  init(_ value: Double, at time: Timestamp) { sum = value }
  mutating func add(_ value: Double, at time: Timestamp) {
    sum += value
    count += 1
  }
  mutating func merge(_ later: Self) {
    sum += later.sum
    count += later.count
  }
  var value: Double { sum / count }
}

/// Of numbers, the least; what is no number counts only when there is nothing else.
struct MinimumAggregate: WindowAggregate {
  private(set) var value: Double

  init(_ value: Double, at time: Timestamp) { self.value = value }
  mutating func add(_ value: Double, at time: Timestamp) {
    if value < self.value || self.value.isNaN { self.value = value }
  }
  mutating func merge(_ later: Self) { add(later.value, at: .zero) }
}

struct MaximumAggregate: WindowAggregate {
  private(set) var value: Double

  init(_ value: Double, at time: Timestamp) { self.value = value }
  mutating func add(_ value: Double, at time: Timestamp) {
    if value > self.value || self.value.isNaN { self.value = value }
  }
  mutating func merge(_ later: Self) { add(later.value, at: .zero) }
}

/// Count, mean and summed squares of distances (Welford; merging after Chan et al. 1979).
struct Moments {
  private var count = 1.0
  private var mean: Double
  private var squares = 0.0

  init(_ value: Double) { mean = value }

  mutating func add(_ value: Double) {
    count += 1
    let distance = value - mean
    mean += distance / count
    squares += distance * (value - mean)
  }

  mutating func merge(_ other: Self) {
    let sum = count + other.count
    let distance = other.mean - mean
    mean += distance * other.count / sum
    squares += other.squares + distance * distance * count * other.count / sum
    count = sum
  }

  /// Of the whole population, not of a sample.
  var variance: Double { squares / count }
}

struct VarianceAggregate: WindowAggregate {
  private var moments: Moments

  init(_ value: Double, at time: Timestamp) { moments = Moments(value) }
  mutating func add(_ value: Double, at time: Timestamp) { moments.add(value) }
  mutating func merge(_ later: Self) { moments.merge(later.moments) }
  var value: Double { moments.variance }
}

struct DeviationAggregate: WindowAggregate {
  private var moments: Moments

  init(_ value: Double, at time: Timestamp) { moments = Moments(value) }
  mutating func add(_ value: Double, at time: Timestamp) { moments.add(value) }
  mutating func merge(_ later: Self) { moments.merge(later.moments) }
  var value: Double { moments.variance.squareRoot() }
}

/// Of one moment, the first that came.
struct FirstAggregate: WindowAggregate {
  private(set) var value: Double
  private var time: Timestamp

  init(_ value: Double, at time: Timestamp) {
    self.value = value
    self.time = time
  }
  mutating func add(_ value: Double, at time: Timestamp) {
    if time < self.time { self = Self(value, at: time) }
  }
  mutating func merge(_ later: Self) { add(later.value, at: later.time) }
}

/// Of one moment, the last that came.
struct LastAggregate: WindowAggregate {
  private(set) var value: Double
  private var time: Timestamp

  init(_ value: Double, at time: Timestamp) {
    self.value = value
    self.time = time
  }
  mutating func add(_ value: Double, at time: Timestamp) {
    if time >= self.time { self = Self(value, at: time) }
  }
  mutating func merge(_ later: Self) { add(later.value, at: later.time) }
}
