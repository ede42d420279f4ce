/// What is in a query, wherever it stands.
extension TraceQuery {
  /// All expressions over fields.
  package var expressions: [FieldExpression] {
    switch body {
    case .spansets(let pipeline): pipeline.expressions
    case .metrics(let metrics): metrics.expressions
    }
  }
}

extension SpansetPipeline {
  package var expressions: [FieldExpression] {
    stages.flatMap { stage -> [FieldExpression] in
      switch stage {
      case .spansets(let spansets): spansets.expressions
      case .scalarFilter(let left, _, let right): left.expressions + right.expressions
      case .by(let expression): [expression]
      case .coalesce, .select: []
      }
    }
  }
}

extension SpansetExpression {
  package var expressions: [FieldExpression] {
    switch self {
    case .filter(let expression): [expression]
    case .operation(_, let left, let right): left.expressions + right.expressions
    case .pipeline(let pipeline): pipeline.expressions
    }
  }
}

extension ScalarExpression {
  package var expressions: [FieldExpression] {
    switch self {
    case .literal: []
    case .aggregate(let aggregate): aggregate.argument.map { [$0] } ?? []
    case .arithmetic(_, let left, let right): left.expressions + right.expressions
    case .pipeline(let pipeline, let scalar): pipeline.expressions + scalar.expressions
    }
  }
}

extension MetricsExpression {
  package var expressions: [FieldExpression] {
    switch self {
    case .aggregate(let pipeline, let function):
      if case .compare(let selection, _, _, _) = function.operation {
        pipeline.expressions + [selection]
      } else {
        pipeline.expressions
      }
    case .operation(_, let left, let right): left.expressions + right.expressions
    case .scalar(_, let inner, _, _), .filter(let inner, _, _), .topk(let inner, _),
      .bottomk(let inner, _):
      inner.expressions
    }
  }
}
