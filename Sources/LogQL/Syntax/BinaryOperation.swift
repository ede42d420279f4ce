/// The operators between samples; the raw value is how they are written.
package enum BinaryOperator: String, Sendable, Hashable, CaseIterable {
  case or = "or"
  case and = "and"
  case unless = "unless"
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case modulo = "%"
  case power = "^"
  case equal = "=="
  case notEqual = "!="
  case greater = ">"
  case greaterOrEqual = ">="
  case less = "<"
  case lessOrEqual = "<="

  /// `and`, `or`, `unless`.
  package var isSet: Bool { self == .or || self == .and || self == .unless }

  /// `==`, `!=`, `>`, `>=`, `<`, `<=`.
  package var isComparison: Bool {
    switch self {
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual: true
    default: false
    }
  }

  /// How tightly it binds; higher is tighter.
  package var precedence: Int {
    switch self {
    case .or: 1
    case .and, .unless: 2
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual: 3
    case .add, .subtract: 4
    case .multiply, .divide, .modulo: 5
    case .power: 6
    }
  }
}

/// Which series of the two sides belong together.
package struct VectorMatching: Sendable, Hashable {
  package enum Cardinality: Sendable, Hashable {
    case oneToOne
    /// `group_left`: several on the left for one on the right.
    case manyToOne
    /// `group_right`.
    case oneToMany
  }

  package var cardinality: Cardinality
  /// `on (…)` compares the labels named, `ignoring (…)` all others.
  package var isOn: Bool
  package var labels: [String]
  /// The labels that `group_left(…)` and `group_right(…)` take over from the one side.
  package var included: [String]

  package init(
    cardinality: Cardinality = .oneToOne, isOn: Bool = false, labels: [String] = [],
    included: [String] = []
  ) {
    self.cardinality = cardinality
    self.isOn = isOn
    self.labels = labels
    self.included = included
  }
}

/// `left operator [bool] [matching] right`.
package struct BinaryOperation: Sendable, Hashable {
  package var function: BinaryOperator
  package var left: Expression
  package var right: Expression
  /// A comparison answers 0 or 1 instead of filtering.
  package var returnsBool: Bool
  /// nil when the query names none: all labels are compared.
  package var matching: VectorMatching?

  package init(
    function: BinaryOperator, left: Expression, right: Expression, returnsBool: Bool = false,
    matching: VectorMatching? = nil
  ) {
    self.function = function
    self.left = left
    self.right = right
    self.returnsBool = returnsBool
    self.matching = matching
  }
}

/// `label_replace(operand, destination, replacement, source, pattern)`.
package struct LabelReplace: Sendable, Hashable {
  package var operand: Expression
  package var destination: String
  package var replacement: String
  package var source: String
  /// Matched against the whole value.
  package var pattern: String

  package init(
    operand: Expression, destination: String, replacement: String, source: String, pattern: String
  ) {
    self.operand = operand
    self.destination = destination
    self.replacement = replacement
    self.source = source
    self.pattern = pattern
  }
}
