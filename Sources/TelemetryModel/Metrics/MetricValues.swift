import Synchronization

/// A count that only grows; any thread may add.
package final class Counter: Sendable {
  private let count = Atomic<UInt64>(0)

  package init() {}

  package var value: UInt64 { count.load(ordering: .relaxed) }

  package func add(_ amount: Int = 1) {
    guard amount > 0 else { return }
    count.wrappingAdd(UInt64(amount), ordering: .relaxed)
  }
}

/// Seconds that only grow, kept to the nanosecond and exposed as a counter in seconds.
package final class SecondsCounter: Sendable {
  private let nanoseconds = Atomic<UInt64>(0)

  package init() {}

  package var seconds: Double { Double(nanoseconds.load(ordering: .relaxed)) / 1e9 }

  package func add(nanoseconds amount: UInt64) {
    nanoseconds.wrappingAdd(amount, ordering: .relaxed)
  }
}

/// A value that rises and falls; any thread may set it.
package final class Gauge: Sendable {
  private let bits = Atomic<UInt64>(0)

  package init() {}

  package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

  package func set(_ value: Int) { set(Double(value)) }

  package func add(_ amount: Double) { addBits(bits, amount) }

  package func increment() { add(1) }

  package func decrement() { add(-1) }
}

/// How often values fell below each of some bounds, with their sum; any thread may observe.
package final class Histogram: Sendable {
  /// Upper bounds, ascending and inclusive; what is above the last falls into `+Inf`.
  package let bounds: [Double]
  private let slots: [Counter]
  private let sumBits = Atomic<UInt64>(0)

  /// Bounds in seconds that fit requests, from a millisecond to a minute.
  package static let requestSeconds: [Double] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
  ]

  package init(bounds: [Double] = Histogram.requestSeconds) {
    precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "bounds ascend")
    self.bounds = bounds
    slots = (0...bounds.count).map { _ in Counter() }
  }

  package func observe(_ value: Double) {
    var low = 0
    var high = bounds.count
    while low < high {
      let middle = (low + high) / 2
      if value <= bounds[middle] { high = middle } else { low = middle + 1 }
    }
    slots[low].add(1)
    addBits(sumBits, value)
  }

  package var sum: Double { Double(bitPattern: sumBits.load(ordering: .relaxed)) }

  /// How many values were at or below each bound, and the count of all as the last element.
  package var cumulativeCounts: [UInt64] {
    var total: UInt64 = 0
    return slots.map { slot in
      total += slot.value
      return total
    }
  }
}

private func addBits(_ bits: borrowing Atomic<UInt64>, _ amount: Double) {
  var current = bits.load(ordering: .relaxed)
  while true {
    let next = (Double(bitPattern: current) + amount).bitPattern
    let (exchanged, original) = bits.weakCompareExchange(
      expected: current, desired: next, ordering: .relaxed)
    if exchanged { return }
    current = original
  }
}
