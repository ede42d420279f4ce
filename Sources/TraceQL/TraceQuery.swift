/// A TraceQL query: which spans of which traces, or numbers made of them.
package struct TraceQuery: Hashable, Sendable {
  package enum Body: Hashable, Sendable {
    case spansets(SpansetPipeline)
    case metrics(MetricsExpression)
  }

  package var body: Body
  /// `with(name=value)`, in the order of the text.
  package var hints: [TraceHint]

  /// - Throws: ``TraceQLError`` that says where the text leaves the grammar, or what does not fit.
  package init(_ text: String) throws(TraceQLError) {
    self = try TraceQLParser.parse(text)
    try TraceQLCheck.check(self)
  }

  /// Numbers over time of the spans that meet `condition`, apart by `fields`.
  package init(
    metrics operation: MetricsFunction.Operation, by fields: [TraceField],
    of condition: FieldExpression
  ) {
    let pipeline = SpansetPipeline(stages: [.spansets(.filter(condition))])
    let function = MetricsFunction(operation: operation, by: fields)
    self.init(body: .metrics(.aggregate(pipeline, function)), hints: [])
  }

  init(body: Body, hints: [TraceHint]) {
    self.body = body
    self.hints = hints
  }
}

/// One `name=value` of `with(…)`.
package struct TraceHint: Hashable, Sendable {
  package var name: String
  package var value: TraceValue
}

/// Stages between bars, run from left to right on the spansets of a trace.
package struct SpansetPipeline: Hashable, Sendable {
  package var stages: [SpansetStage]
}

package enum SpansetStage: Hashable, Sendable {
  case spansets(SpansetExpression)
  case scalarFilter(ScalarExpression, FieldOperator, ScalarExpression)
  case by(FieldExpression)
  case coalesce
  case select([TraceField])
}

/// An expression that chooses spans of a trace.
package indirect enum SpansetExpression: Hashable, Sendable {
  case filter(FieldExpression)
  case operation(SpansetOperator, SpansetExpression, SpansetExpression)
  case pipeline(SpansetPipeline)
}

/// Operators between spansets.
package struct SpansetOperator: Hashable, Sendable {
  package enum Relation: Hashable, Sendable {
    /// `&&` and `||`.
    case and, or
    /// `>`, `<`, `>>`, `<<` and `~`: what the right side is to the left.
    case child, parent, descendant, ancestor, sibling
  }

  package enum Form: Hashable, Sendable {
    /// The spans of the right side that have the relation to one of the left.
    case plain
    /// `!`: those that have it to none.
    case negated
    /// `&`: those and the spans of the left side that they have it to.
    case union
  }

  package var relation: Relation
  package var form: Form

  init(_ relation: Relation, _ form: Form = .plain) {
    self.relation = relation
    self.form = form
  }

  static let byText: [String: SpansetOperator] = [
    "&&": SpansetOperator(.and), "||": SpansetOperator(.or), ">": SpansetOperator(.child),
    "<": SpansetOperator(.parent), ">>": SpansetOperator(.descendant),
    "<<": SpansetOperator(.ancestor), "~": SpansetOperator(.sibling),
    "!>": SpansetOperator(.child, .negated), "!<": SpansetOperator(.parent, .negated),
    "!>>": SpansetOperator(.descendant, .negated), "!<<": SpansetOperator(.ancestor, .negated),
    "!~": SpansetOperator(.sibling, .negated), "&>": SpansetOperator(.child, .union),
    "&<": SpansetOperator(.parent, .union), "&>>": SpansetOperator(.descendant, .union),
    "&<<": SpansetOperator(.ancestor, .union), "&~": SpansetOperator(.sibling, .union),
  ]
}

/// A number of a spanset.
package indirect enum ScalarExpression: Hashable, Sendable {
  case literal(TraceValue)
  case aggregate(SpansetAggregate)
  case arithmetic(FieldOperator, ScalarExpression, ScalarExpression)
  /// An aggregate of what a pipeline of its own gives.
  case pipeline(SpansetPipeline, ScalarExpression)

  /// Whether it is made of literals alone.
  package var isConstant: Bool {
    switch self {
    case .literal: true
    case .aggregate, .pipeline: false
    case .arithmetic(_, let left, let right): left.isConstant && right.isConstant
    }
  }
}

/// `count()`, `avg(…)` and so on over the spans of a spanset.
package struct SpansetAggregate: Hashable, Sendable {
  package enum Function: String, Hashable, Sendable { case count, avg, max, min, sum }

  package var function: Function
  /// Nil for `count`.
  package var argument: FieldExpression?

  /// How a query writes it.
  package var text: String { "\(function.rawValue)(\(argument?.text ?? ""))" }
}

/// Numbers over time.
package indirect enum MetricsExpression: Hashable, Sendable {
  case aggregate(SpansetPipeline, MetricsFunction)
  /// Both sides have series; those with equal labels meet.
  case operation(FieldOperator, MetricsExpression, MetricsExpression)
  /// A number on the right side, or on the left when `isLeft`.
  case scalar(FieldOperator, MetricsExpression, Double, isLeft: Bool)
  case filter(MetricsExpression, FieldOperator, TraceValue)
  case topk(MetricsExpression, Int)
  case bottomk(MetricsExpression, Int)
}

/// The first metrics stage of a pipeline.
package struct MetricsFunction: Hashable, Sendable {
  package enum Operation: Hashable, Sendable {
    case rate, countOverTime
    case minOverTime(TraceField), maxOverTime(TraceField), sumOverTime(TraceField)
    case avgOverTime(TraceField)
    case quantileOverTime(TraceField, [Double])
    case histogramOverTime(TraceField)
    case compare(FieldExpression, topN: Int, startNanoseconds: Int, endNanoseconds: Int)
  }

  package var operation: Operation
  package var by: [TraceField]

  /// The name of a series without labels.
  package var name: String {
    switch operation {
    case .rate: "rate"
    case .countOverTime: "count_over_time"
    case .minOverTime: "min_over_time"
    case .maxOverTime: "max_over_time"
    case .sumOverTime: "sum_over_time"
    case .avgOverTime: "avg_over_time"
    case .quantileOverTime: "quantile_over_time"
    case .histogramOverTime: "histogram_over_time"
    case .compare: "compare"
    }
  }
}
