import LogQL
import LogStore
import Synchronization
import TelemetryModel
import TestSupport
import Testing

@testable import LogQuery

/// Joins of many series: what they cost, and that they can be stopped.
@Suite struct VectorJoinTests {
  /// Series of `app` that have one sample each, at steps that `step` says.
  private func series(_ count: Int, _ app: String, _ step: (Int) -> Int, steps: Int = 100)
    -> SeriesMatrix
  {
    SeriesMatrix(
      series: (0..<count).map { number in
        var values = [Double](repeating: .noSample, count: steps)
        values[step(number)] = 1
        return MatrixSeries(labels: ["app": app, "host": "\(number)"], values: values)
      })
  }

  private func join(_ operation: String, _ limits: QueryLimits = QueryLimits()) throws
    -> VectorJoin
  {
    guard case .binary(let binary) = try LogQL.parse("vector(1) \(operation) vector(1)") else {
      throw QueryError("no operation")
    }
    return VectorJoin(binary, steps: 100, limits: limits)
  }

  /// Thousands of series of one signature on both sides, which would be 10¹⁰ looks at samples
  /// were each series compared with each.
  @Test(.timeLimit(.minutes(1))) func seriesOfOneSignatureAreComparedTogether() throws {
    let left = series(10_000, "a", { $0 % 50 })
    let right = series(10_000, "b", { _ in 99 })
    let both = try join("and on ()").intersected(left, right, keepsMatched: true)
    #expect(both.series.allSatisfy { $0.values.allSatisfy(\.isNoSample) })
    let rest = try join("unless on ()").intersected(left, right, keepsMatched: false)
    #expect(rest.series.map(\.values.count) == left.series.map(\.values.count))
    #expect(rest.series.allSatisfy { $0.values.contains(1) })
  }

  /// The one side has a sample of another series at each step.
  @Test func theSeriesOfTheOneSideMayChange() throws {
    let left = series(300, "a", { $0 % 100 })
    let right = series(100, "b", { $0 })
    let joined = try join("+ on () group_left (host)").joined(
      SeriesMatrix(series: Array(left.series[..<100])), right)
    #expect(joined.series.count == 100)
    #expect(joined.series.allSatisfy { $0.values.count { $0 == 2 } == 1 })
    #expect(throws: QueryError.self) {
      _ = try join("+ on ()").joined(left, right)
    }
    #expect(throws: QueryError.self) {
      _ = try join("+ on () group_left ()").joined(right, left)
    }
  }

  @Test(arguments: ["and on ()", "or on ()", "+ on () group_left (host)"])
  func joinsCanBeStopped(operation: String) throws {
    let asked = Mutex(0)
    let limits = QueryLimits(isCancelled: {
      asked.withLock {
        $0 += 1
        return $0 > 150
      }
    })
    let (left, right) = (series(100, "a", { $0 }), series(100, "b", { $0 }))
    let join = try join(operation, limits)
    #expect(throws: QueryError.cancelled) {
      switch operation.prefix(2) {
      case "an": _ = try join.intersected(left, right, keepsMatched: true)
      case "or": _ = try join.united(left, right)
      default: _ = try join.joined(left, right)
      }
    }
  }

  /// Each series of the many side makes one with each that it meets.
  @Test func seriesThatAJoinMakesAreBounded() throws {
    var left = series(50, "a", { $0 })
    for number in left.series.indices {
      left.series[number].values = [Double](repeating: 1, count: 100)
    }
    let join = try join("+ on () group_left (zone)", QueryLimits(cellsMax: 20_000))
    var right = series(100, "b", { $0 })
    for number in right.series.indices {
      right.series[number].labels = ["zone": "\(number)"]
    }
    let error = #expect(throws: QueryError.self) { _ = try join.joined(left, right) }
    #expect(error?.message.contains("in memory") == true)
  }
}
