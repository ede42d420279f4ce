/// A parsed template of Go's `text/template` syntax, ready to be executed any number of times.
///
/// An engine of our own: actions, pipelines, variables, `if`, `range`, `with`, `define`, `block`,
/// `template`, `break`, `continue`, comments and trim markers. Messages are Go's. Immutable; an
/// execution is bounded in output, steps and nesting.
package struct Template: Sendable {
  /// What a key gives that a map lacks.
  package enum MissingKey: Sendable {
    /// Nothing, printed as `<no value>`: Go's default.
    case noValue
    /// An empty text where the map holds texts alone: Go's `missingkey=zero`.
    case zero
  }

  /// What an execution may use up.
  package struct Limits: Sendable {
    package var outputBytesMax = 1 << 20
    /// Actions and calls.
    package var stepsMax = 1_000_000
    /// Bytes that calls make together.
    package var callBytesMax = 1 << 26
    /// Templates that call each other.
    package var depthMax = 100
    package init() {}
  }

  package let name: String
  let nodes: [TemplateNode]
  let definitions: [String: [TemplateNode]]
  let functions: [String: TemplateFunction]
  let missingKey: MissingKey
  let limits: Limits
  let text: [UInt8]
  /// Names of the functions that the text calls.
  package let calledFunctions: Set<String>
  /// The first name of each field (`.a` of `.a.b`) that the text reads, wherever it stands; in
  /// order, each once.
  package let fields: [String]
  /// Whether the data may be read otherwise than by ``fields``: `.` alone, `$`, or inside of
  /// `range`, `with` or another template.
  package let readsWholeData: Bool

  /// The longest text that is read, in bytes.
  package static let textBytesMax = 1 << 18

  /// Parses `text`; throws Go's message, which names the template.
  package init(
    _ text: String, name: String, functions: TemplateFunctions = TemplateFunctions(),
    missingKey: MissingKey = .noValue, limits: Limits = Limits()
  ) throws(TemplateError) {
    guard text.utf8.count <= Template.textBytesMax else {
      throw TemplateError("template: \(name):1: the text is longer than 262144 bytes")
    }
    var all = BuiltinFunctions.table
    all.merge(functions)
    var parser = TemplateParser(text, name: name, functions: Set(all.table.keys))
    nodes = try parser.parse()
    definitions = parser.definitions
    self.name = name
    self.functions = all.table
    self.missingKey = missingKey
    self.limits = limits
    self.text = Array(text.utf8)
    var survey = TemplateSurvey()
    survey.visit(nodes)
    for list in definitions.values { survey.visit(list) }
    calledFunctions = survey.functions
    fields = survey.fields
    readsWholeData = survey.readsWholeData || !definitions.isEmpty
  }

  /// The text that the template makes of `data`.
  ///
  /// `late` holds the values of functions declared with ``TemplateFunction/late``.
  package func execute(_ data: TemplateValue, late: [String: TemplateValue] = [:])
    throws(TemplateError) -> [UInt8]
  {
    var evaluator = TemplateEvaluator(self, late: late)
    try evaluator.run(data)
    return evaluator.output
  }

  /// Literal text and fields of the data alone, in order, when the template is nothing else.
  package var segments: [Segment]? {
    var segments: [Segment] = []
    for node in nodes {
      switch node {
      case .text(let bytes): segments.append(.text(bytes))
      case .action(let pipe):
        guard pipe.declarations.isEmpty, pipe.commands.count == 1,
          pipe.commands[0].operands.count == 1,
          case .field(let names) = pipe.commands[0].operands[0].kind, names.count == 1
        else { return nil }
        segments.append(.field(names[0]))
      default: return nil
      }
    }
    return segments
  }

  /// One piece of a template without logic.
  package enum Segment: Sendable {
    case text([UInt8])
    /// `{{.name}}`.
    case field(String)
  }
}

/// What a template looks at.
struct TemplateSurvey {
  private(set) var functions: Set<String> = []
  private(set) var fields: [String] = []
  private(set) var readsWholeData = false

  mutating func visit(_ nodes: [TemplateNode]) {
    for node in nodes {
      switch node {
      case .text, .break, .continue, .end, .else: break
      case .action(let pipe): visit(pipe)
      case .branch(let branch):
        visit(branch.pipe)
        visit(branch.list)
        visit(branch.elseList ?? [])
      case .template(_, let pipe, _):
        readsWholeData = true
        if let pipe { visit(pipe) }
      }
    }
  }

  private mutating func visit(_ pipe: TemplatePipe) {
    for command in pipe.commands {
      for operand in command.operands { visit(operand) }
    }
  }

  private mutating func visit(_ operand: TemplateOperand) {
    switch operand.kind {
    case .dot: readsWholeData = true
    case .field(let names): if !fields.contains(names[0]) { fields.append(names[0]) }
    case .variable(let names):
      guard names[0] == "$" else { break }
      if names.count == 1 {
        readsWholeData = true
      } else if !fields.contains(names[1]) {
        fields.append(names[1])
      }
    case .function(let name): functions.insert(name)
    case .pipe(let pipe): visit(pipe)
    case .chain(let operand, _): visit(operand)
    case .bool, .nil, .number, .string: break
    }
  }
}
