/// How two values are compared.
enum JMESComparison: String {
  case equal = "=="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
}

/// The syntax tree of a JMESPath expression.
indirect enum JMESNode: Hashable {
  case current
  case literal(JMESValue)
  case field(String)
  case index(Int)
  case slice(start: Int?, stop: Int?, step: Int?)
  /// The right side, evaluated on the left one: `a.b` and `a[0]`.
  case subexpression(JMESNode, JMESNode)
  /// The right side for each item of the left one.
  case projection(JMESNode, JMESNode)
  /// The right side for each value of the left object.
  case valueProjection(JMESNode, JMESNode)
  case filterProjection(JMESNode, condition: JMESNode, JMESNode)
  case flatten(JMESNode)
  case comparison(JMESComparison, JMESNode, JMESNode)
  case or(JMESNode, JMESNode)
  case and(JMESNode, JMESNode)
  case not(JMESNode)
  case pipe(JMESNode, JMESNode)
  case multiselectList([JMESNode])
  case multiselectHash([JMESPair])
  case function(String, [JMESNode])
  /// `&expression`.
  case reference(JMESNode)
}

/// One name and expression of a multiselect hash.
struct JMESPair: Hashable {
  let name: String
  let node: JMESNode
}

/// A JMESPath expression (jmespath.org/specification.html), as go-jmespath reads it.
struct JMESPath {
  let root: JMESNode

  /// Throws ``JMESError`` for a malformed expression.
  init(_ text: String) throws(JMESError) {
    var parser = JMESParser(tokens: try JMESLexer.tokens(text))
    root = try parser.parse()
  }

  /// The names when the expression is nothing but a path of fields.
  var plainPath: [String]? {
    var names: [String] = []
    var node = root
    while case .subexpression(let left, .field(let name)) = node {
      names.append(name)
      node = left
    }
    guard case .field(let first) = node else { return nil }
    names.append(first)
    return names.reversed()
  }

  /// The expression's value; throws ``JMESError`` for a function on the wrong type.
  func evaluate(_ value: JMESValue) throws(JMESError) -> JMESValue {
    try JMESEvaluator.evaluate(root, value)
  }
}
