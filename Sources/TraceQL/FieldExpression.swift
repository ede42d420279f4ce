/// An expression over one span's fields.
package indirect enum FieldExpression: Hashable, Sendable {
  case literal(TraceValue)
  case field(TraceField)
  case binary(FieldOperator, FieldExpression, FieldExpression)
  case not(FieldExpression)
  case negative(FieldExpression)
  /// `x != nil` and `x = nil`.
  case exists(FieldExpression)
  case isAbsent(FieldExpression)

  /// What the expression gives, as far as the text tells.
  package var type: TraceValue.ValueType {
    switch self {
    case .literal(let value): value.type
    case .field(let field): field.type
    case .binary(let operation, let left, let right):
      if operation.isBoolean {
        .bool
      } else if left.type == .unknown || right.type == .unknown {
        .unknown
      } else if left.type == .duration || right.type == .duration {
        .duration
      } else {
        left.type == .float ? .float : right.type
      }
    case .not, .exists, .isAbsent: .bool
    case .negative(let inner): inner.type
    }
  }

  /// Whether a span's fields have a part in it.
  var readsSpan: Bool {
    switch self {
    case .literal: false
    case .field: true
    case .binary(_, let left, let right): left.readsSpan || right.readsSpan
    case .not(let inner), .negative(let inner), .exists(let inner), .isAbsent(let inner):
      inner.readsSpan
    }
  }

  /// The fields that it reads, in the order of the text.
  package var fields: [TraceField] {
    switch self {
    case .literal: []
    case .field(let field): [field]
    case .binary(_, let left, let right): left.fields + right.fields
    case .not(let inner), .negative(let inner), .exists(let inner), .isAbsent(let inner):
      inner.fields
    }
  }

  /// How a query writes it.
  package var text: String {
    switch self {
    case .literal(let value): Self.written(value)
    case .field(let field): field.text
    case .binary(let operation, let left, let right):
      "\(left.wrapped) \(operation.rawValue) \(right.wrapped)"
    case .not(let inner): "!\(inner.wrapped)"
    case .negative(let inner): "-\(inner.wrapped)"
    case .exists(let inner): "\(inner.wrapped) != nil"
    case .isAbsent(let inner): "\(inner.wrapped) = nil"
    }
  }

  /// A literal so that it is read again as itself.
  private static func written(_ value: TraceValue) -> String {
    switch value {
    // Its digits alone are out of range.
    case .int(.min): "minInt"
    case .string(let text) where text.contains("`"):
      "\"" + TraceField.escaped(text, lineBreaks: true) + "\""
    default: value.text
    }
  }

  private var wrapped: String {
    switch self {
    // A sign before a number would take what follows it along.
    case .literal where text.first != "-", .field: text
    default: "(" + text + ")"
    }
  }
}

/// Operators between fields.
package enum FieldOperator: String, Hashable, Sendable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case modulo = "%"
  case power = "^"
  case equal = "="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  case matches = "=~"
  case matchesNot = "!~"
  case and = "&&"
  case or = "||"

  package var isBoolean: Bool {
    switch self {
    case .add, .subtract, .multiply, .divide, .modulo, .power: false
    default: true
    }
  }

  package var isArithmetic: Bool { !isBoolean }

  package var isComparison: Bool {
    switch self {
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: true
    default: false
    }
  }

  /// Whether values of `type` can stand beside it.
  package func takes(_ type: TraceValue.ValueType) -> Bool {
    switch type {
    case .unknown: true
    case .bool: self == .and || self == .or || self == .equal || self == .notEqual
    case .int, .float, .duration: isArithmetic || isComparison
    case .string: isComparison || self == .matches || self == .matchesNot
    case .absent, .status, .kind: self == .equal || self == .notEqual
    }
  }
}
