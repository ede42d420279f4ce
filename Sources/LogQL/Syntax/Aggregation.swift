/// Which labels the result of an aggregation keeps.
package struct Grouping: Sendable, Hashable {
  package var labels: [String]
  /// `without (…)` drops the labels named, `by (…)` keeps them alone.
  package var isWithout: Bool

  package init(labels: [String], isWithout: Bool) {
    self.labels = labels
    self.isWithout = isWithout
  }
}

/// The functions over the rows of a window.
package enum RangeFunction: String, Sendable, Hashable, CaseIterable {
  case count = "count_over_time"
  case rate = "rate"
  case rateCounter = "rate_counter"
  case bytes = "bytes_over_time"
  case bytesRate = "bytes_rate"
  case average = "avg_over_time"
  case sum = "sum_over_time"
  case minimum = "min_over_time"
  case maximum = "max_over_time"
  case standardDeviation = "stddev_over_time"
  case variance = "stdvar_over_time"
  case quantile = "quantile_over_time"
  case first = "first_over_time"
  case last = "last_over_time"
  case absent = "absent_over_time"
}

/// `function(parameter, range) grouping`.
package struct RangeAggregation: Sendable, Hashable {
  package var function: RangeFunction
  /// The φ of `quantile_over_time`, nil otherwise.
  package var parameter: Double?
  package var range: LogRange
  package var grouping: Grouping?

  package init(
    function: RangeFunction, parameter: Double? = nil, range: LogRange, grouping: Grouping? = nil
  ) {
    self.function = function
    self.parameter = parameter
    self.range = range
    self.grouping = grouping
  }
}

/// The functions over the series of one moment.
package enum VectorFunction: String, Sendable, Hashable, CaseIterable {
  case sum = "sum"
  case average = "avg"
  case maximum = "max"
  case minimum = "min"
  case count = "count"
  case standardDeviation = "stddev"
  case variance = "stdvar"
  case bottomK = "bottomk"
  case topK = "topk"
  case approximateTopK = "approx_topk"
  case sort = "sort"
  case sortDescending = "sort_desc"
}

/// `function grouping (parameter, operand)`.
package struct VectorAggregation: Sendable, Hashable {
  package var function: VectorFunction
  /// The k of `topk`, `bottomk` and `approx_topk`; 0 otherwise.
  package var parameter: Int
  package var operand: Expression
  package var grouping: Grouping?

  package init(
    function: VectorFunction, parameter: Int = 0, operand: Expression, grouping: Grouping? = nil
  ) {
    self.function = function
    self.parameter = parameter
    self.operand = operand
    self.grouping = grouping
  }
}
