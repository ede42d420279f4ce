import LogQL
import TelemetryModel
import TestSupport
import Testing

@testable import LogQuery

/// Quantiles of windows against sorting each window anew.
@Suite struct QuantileTests {
  private func expected(_ values: [Double], _ fraction: Double) -> Double {
    let sorted = values.sorted { a, b in
      a.isNaN || b.isNaN ? a.isNaN && !b.isNaN : a < b
    }
    let rank = fraction * Double(sorted.count - 1)
    let low = Int(rank)
    let high = min(low + 1, sorted.count - 1)
    let weight = rank - Double(low)
    return sorted[low] * (1 - weight) + sorted[high] * weight
  }

  @Test(arguments: 0..<30)
  func slidingWindowsAreSortedRight(seed: UInt64) {
    var random = RandomSource(seed: seed)
    let step = Int64.random(in: 1...9, using: &random)
    let span = Int64.random(in: 1...40, using: &random)
    let request = QueryRequest(
      expression: .vector(0), start: Timestamp(nanoseconds: 50), end: Timestamp(nanoseconds: 150),
      step: TimeSpan(nanoseconds: step))
    let grid = PaneGrid(
      StepGrid(request), span: TimeSpan(nanoseconds: span), offset: .zero)
    var samples: [(time: Int64, value: Double)] = []
    for _ in 0..<Int.random(in: 0...300, using: &random) {
      let value: Double
      switch Int.random(in: 0..<12, using: &random) {
      case 0: value = .nan
      case 1: value = .infinity
      case 2: value = -0.0
      default: value = Double(Int.random(in: -9...9, using: &random)) / 4
      }
      samples.append((Int64.random(in: 1...160, using: &random), value))
    }
    let fraction = [0, 0.1, 0.5, 0.99, 1][Int.random(in: 0..<5, using: &random)]
    var table = QuantileTable(fraction: fraction)
    var other = QuantileTable(fraction: fraction)
    for (number, sample) in samples.enumerated() {
      let time = Timestamp(nanoseconds: sample.time)
      let pane = grid.pane(time)
      guard grid.isCovered(pane) else { continue }
      if number % 3 == 0 {
        other.add(sample.value, at: time, pane: pane, to: 0)
      } else {
        table.add(sample.value, at: time, pane: pane, to: 1)
      }
    }
    table.merge(other, places: [1])
    let got = table.values(of: 1, grid)
    for index in 0..<grid.steps {
      let end = 50 + Int64(index) * step
      let window = samples.filter { $0.time > end - span && $0.time <= end }.map(\.value)
      guard !window.isEmpty else {
        #expect(got[index].isNoSample)
        continue
      }
      let want = expected(window, fraction)
      #expect(got[index] == want || (got[index].isNaN && want.isNaN), "step \(index): \(window)")
    }
  }

  @Test func orderedNumbersSortAsNumbersDo() {
    let values = [
      -Double.infinity, -3.5, -1e-300, 0, 1e-300, 2, .greatestFiniteMagnitude, .infinity,
    ]
    let ordered = values.map(OrderedNumber.from)
    #expect(ordered == ordered.sorted())
    #expect(ordered.map(OrderedNumber.value) == values)
    #expect(OrderedNumber.from(.nan) < ordered[0])
    #expect(OrderedNumber.value(OrderedNumber.from(.nan)).isNaN)
  }
}
