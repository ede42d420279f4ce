import LogQL
import TelemetryModel
import TestSupport
import Testing

@testable import LogQuery

/// Panes against the definition of windows, and how many there are.
@Suite struct PaneGridTests {
  @Test(arguments: 0..<200)
  func windowsAreWholePanes(seed: UInt64) {
    var random = RandomSource(seed: seed)
    let step = Int64.random(in: 1...12, using: &random)
    let span = Int64.random(in: 1...60, using: &random)
    let start = Int64.random(in: -50...50, using: &random)
    let offset = Int64.random(in: -20...20, using: &random)
    let request = QueryRequest(
      expression: .vector(0), start: Timestamp(nanoseconds: start),
      end: Timestamp(nanoseconds: start + Int64.random(in: 0...100, using: &random)),
      step: TimeSpan(nanoseconds: step))
    let steps = StepGrid(request)
    let grid = PaneGrid(
      steps, span: TimeSpan(nanoseconds: span), offset: TimeSpan(nanoseconds: offset))
    let scanned = grid.scanned.lowerBound.nanoseconds..<grid.scanned.upperBound.nanoseconds
    #expect(scanned.lowerBound == start - offset - span + 1)
    #expect(scanned.upperBound == start - offset + step * Int64(steps.count - 1) + 1)
    var panes: Set<Int> = []
    var last = Int.min
    for nanoseconds in scanned {
      let time = Timestamp(nanoseconds: nanoseconds)
      let pane = grid.pane(time)
      #expect(pane >= last && grid.paneEnd(pane) >= time)
      #expect(grid.pane(grid.paneEnd(pane)) == pane)
      last = pane
      var isCovered = false
      for step in 0..<steps.count {
        let end = grid.windowEnd(step).nanoseconds
        #expect(end == steps.time(step).nanoseconds - offset)
        let isInside = nanoseconds > end - span && nanoseconds <= end
        isCovered = isCovered || isInside
        guard grid.isCovered(pane) else { continue }
        let last = step * grid.stride
        let first = last - grid.panesPerWindow + 1
        #expect((first...last).contains(pane) == isInside, "\(nanoseconds) in step \(step)")
      }
      #expect(grid.isCovered(pane) == isCovered)
      if isCovered { panes.insert(pane) }
    }
    #expect(panes.count < 4 * steps.count)
  }

  /// A span and a step whose common divisor is a nanosecond.
  @Test func oddSpansMakeFewPanes() {
    let request = QueryRequest(
      expression: .vector(0), start: .zero, end: Timestamp(seconds: 100),
      step: TimeSpan(nanoseconds: 10_000_000_001))
    let grid = PaneGrid(StepGrid(request), span: .seconds(300), offset: .zero)
    var table = PaneTable<CountAggregate>(divisor: 1)
    for number in 0..<200_000 {
      let time = grid.scanned.lowerBound + TimeSpan(nanoseconds: Int64(number) * 1_999_000)
      table.add(1, at: time, pane: grid.pane(time), to: 0)
    }
    #expect(table.sampleCount < 4 * grid.steps)
  }

  /// Blocks come in any order, and each begins anew with old panes of many series.
  @Test func panesOfManySeriesAreSettled() {
    var table = PaneTable<CountAggregate>(divisor: 1)
    for _ in 0..<300 {
      for series in 0..<500 {
        for pane in 0..<3 { table.add(ones: 2, pane: pane, to: series) }
      }
    }
    #expect(table.sampleCount < 100_000)
    let request = QueryRequest(
      expression: .vector(0), start: .zero, end: Timestamp(seconds: 2), step: .seconds(1))
    let grid = PaneGrid(StepGrid(request), span: .seconds(2), offset: .zero)
    #expect(table.values(of: 7, grid) == [600, 1200, 1200])
  }

  /// More panes than may be kept: the steps are gone through in parts, and nothing else changes.
  @Test func manyPanesAreEvaluatedInParts() throws {
    var streams: [(labels: Labels, entries: [LogEntry])] = []
    for number in 0..<40 {
      let entries = (0..<100).map {
        LogEntry(
          timestamp: Timestamp(seconds: Int64($0 * 6 + number % 5)), line: Array("line".utf8))
      }
      streams.append((["app": "a", "host": "\(number)"], entries))
    }
    let source = MemoryRows(streams, batchRows: 30)
    let request = QueryRequest(
      expression: try LogQL.parse(#"count_over_time({app="a"}[1m1ms])"#), start: .zero,
      end: Timestamp(seconds: 600), step: .seconds(5))
    let counting = CountingRows(source)
    let want = RandomRuns.text(of: request, source, QueryLimits())
    let got = RandomRuns.text(of: request, counting, QueryLimits(samplesMax: 2000))
    #expect(got == want && want.contains("="))
    #expect(counting.planCount > 2)
  }
}
