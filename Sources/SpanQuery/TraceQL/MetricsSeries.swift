import Bytes
package import TelemetryModel
package import TraceQL

/// One line of numbers over the steps of a range.
package struct MetricsSeries: Sendable {
  package struct Exemplar: Sendable {
    package var trace: TraceID
    package var span: SpanID
    package var value: Double
    package var time: Timestamp
  }

  /// In the order of the query's `by`.
  package var labels: [(name: String, value: TraceValue)]
  /// Not a number where there is no value.
  package var values: [Double]
  package var exemplars: [Exemplar] = []

  /// What tells it from others; the name of a function does not.
  var key: [LabelKey] {
    labels.filter { $0.name != "__name__" }.map { LabelKey(name: $0.name, value: $0.value) }
  }

  struct LabelKey: Hashable {
    @ByteText var name: String
    var value: TraceValue
  }
}

/// Quantiles of values counted in buckets whose ends are powers of two.
package enum PowerOfTwoBuckets {
  /// The power of two at or above `value`; nil below two.
  static func bucket(_ value: Double) -> Double? {
    guard value >= 2, value < 9.2e18 else { return nil }
    let whole = UInt64(value)
    return Double(sign: .plus, exponent: 64 - (whole - 1).leadingZeroBitCount, significand: 1)
  }

  /// The quantile, between the ends of a bucket along the exponent; zero without values.
  package static func quantile(_ p: Double, _ buckets: [(end: Double, count: Int)]) -> Double {
    let total = buckets.reduce(0) { $0 + $1.count }
    guard total > 0 else { return 0 }
    let wanted = max(1, Int((p * Double(total)).rounded(.up)))
    var below = 0
    for (index, bucket) in buckets.enumerated() {
      if below + bucket.count < wanted {
        below += bucket.count
        continue
      }
      if below + bucket.count == wanted { return bucket.end }
      let low = index > 0 ? buckets[index - 1].end : bucket.end / 2
      let part = Double(wanted - below) / Double(bucket.count)
      return low * TraceArithmetic.power(bucket.end / low, part)
    }
    return buckets.last?.end ?? 0
  }
}
