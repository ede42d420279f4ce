/// Why a function refused its arguments; the template stops with it.
package struct TemplateCallError: Error, Hashable {
  package let message: String
  package init(_ message: String) { self.message = message }
}

/// What a function's parameter takes, by Go's types.
package enum TemplateType: String, Sendable, Hashable {
  case any = "interface {}"
  case string
  case int
  case int64
  case float = "float64"
  case bool
  case time = "time.Time"
  case list = "[]interface {}"
  case map = "map[string]interface {}"
}

/// A function that templates may call, with Go's rules for arguments.
package struct TemplateFunction: Sendable {
  package typealias Body =
    @Sendable (_ arguments: [TemplateValue]) throws(TemplateCallError) -> TemplateValue

  enum Work: Sendable {
    case body(Body)
    /// `and`, `or`: arguments are looked at one after another.
    case shortCircuit(isOr: Bool)
    /// Its value is given with each execution.
    case late
  }

  let parameters: [TemplateType]
  /// Whether the last parameter takes any number of arguments.
  let isVariadic: Bool
  let work: Work
  /// Whether its result takes the place of the variable that is its first argument, as Go's maps
  /// are changed in place.
  private(set) var changesFirstArgument = false

  /// `body` gets as many arguments as there are parameters, each of its type; of a variadic
  /// function at least all but the last.
  package init(_ parameters: TemplateType..., variadic: Bool = false, body: @escaping Body) {
    self.parameters = parameters
    isVariadic = variadic
    work = .body(body)
  }

  private init(_ parameters: [TemplateType], isVariadic: Bool, work: Work) {
    self.parameters = parameters
    self.isVariadic = isVariadic
    self.work = work
  }

  var changingItsFirstArgument: TemplateFunction {
    var copy = self
    copy.changesFirstArgument = true
    return copy
  }

  /// A function without arguments whose value each execution is given, as LogQL's `__line__`.
  package static let late = TemplateFunction([], isVariadic: false, work: .late)

  static func shortCircuit(isOr: Bool) -> TemplateFunction {
    TemplateFunction([.any, .any], isVariadic: true, work: .shortCircuit(isOr: isOr))
  }
}

/// Functions by name. The ones of Go's `text/template` itself are always there.
package struct TemplateFunctions: Sendable {
  private(set) var table: [String: TemplateFunction] = [:]

  package init() {}

  package subscript(_ name: String) -> TemplateFunction? {
    get { table[name] }
    set { table[name] = newValue }
  }

  /// Takes over the functions of another table; equal names are replaced.
  package mutating func merge(_ other: TemplateFunctions) {
    table.merge(other.table) { $1 }
  }

  /// Keeps these names alone.
  package func only(_ names: [String]) -> TemplateFunctions {
    var chosen = TemplateFunctions()
    for name in names { chosen[name] = table[name] }
    return chosen
  }
}
