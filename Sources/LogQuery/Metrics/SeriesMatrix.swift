import LogQL
import TelemetryModel

extension Double {
  /// Marks a step at which a series has no value: a NaN that no computation makes.
  static let noSample = Double(bitPattern: 0x7ff0_0000_0000_0002)

  @inline(__always)
  var isNoSample: Bool { bitPattern == 0x7ff0_0000_0000_0002 }
}

/// A series with a value, or ``Swift/Double/noSample``, for each step.
struct MatrixSeries {
  var labels: Labels
  var values: [Double]
}

/// What an expression is worth at every step.
struct SeriesMatrix {
  /// Label sets are distinct.
  var series: [MatrixSeries]

  /// The samples that are there, series without any left out.
  func result(_ grid: StepGrid) -> [ResultSeries] {
    let times = grid.times
    return series.compactMap { one in
      var points: [SamplePoint] = []
      for (index, value) in one.values.enumerated() where !value.isNoSample {
        points.append(SamplePoint(time: times[index], value: value))
      }
      return points.isEmpty ? nil : ResultSeries(labels: one.labels, points: points)
    }
  }

  /// This matrix of `steps` steps with that of the `laterSteps` steps behind them.
  func followed(by later: SeriesMatrix, _ steps: Int, _ laterSteps: Int) -> SeriesMatrix {
    var result = self
    var places: [Labels: Int] = [:]
    for index in result.series.indices {
      places[result.series[index].labels] = index
      result.series[index].values += [Double](repeating: .noSample, count: laterSteps)
    }
    for one in later.series {
      if let place = places[one.labels] {
        result.series[place].values.replaceSubrange(steps..., with: one.values)
      } else {
        let before = [Double](repeating: .noSample, count: steps)
        result.series.append(MatrixSeries(labels: one.labels, values: before + one.values))
      }
    }
    return result
  }

  /// The same values under labels that `change` makes; those that fall together are an error
  /// where both have a sample.
  func relabelled(_ change: (Labels) -> Labels) throws(QueryError) -> SeriesMatrix {
    var places: [Labels: Int] = [:]
    var result = SeriesMatrix(series: [])
    for one in series {
      let labels = change(one.labels)
      guard let place = places[labels] else {
        places[labels] = result.series.count
        result.series.append(MatrixSeries(labels: labels, values: one.values))
        continue
      }
      for (index, value) in one.values.enumerated() where !value.isNoSample {
        guard result.series[place].values[index].isNoSample else {
          throw QueryError("vector cannot contain metrics with the same labelset")
        }
        result.series[place].values[index] = value
      }
    }
    return result
  }
}

/// The value of an expression: one number, or series.
enum MetricOperand {
  case scalar(Double)
  case matrix(SeriesMatrix)
}

extension Labels {
  /// The labels that a grouping leaves; those that stages made empty are among them.
  func grouped(by grouping: Grouping) -> Labels {
    if grouping.isWithout { return without(Set(grouping.labels)) }
    return Labels(sorted.filter { grouping.labels.contains($0.name) })
  }

  /// Without the labels that stages made empty: what Prometheus's builder of labels makes of a
  /// set.
  var withoutEmpty: Labels {
    sorted.contains { $0.value.isEmpty } ? Labels(sorted.filter { !$0.value.isEmpty }) : self
  }

  func only(_ names: Set<String>) -> Labels {
    Labels(sorted.filter { names.contains($0.name) && !$0.value.isEmpty })
  }

  func without(_ names: Set<String>) -> Labels {
    Labels(sorted.filter { !names.contains($0.name) })
  }
}
