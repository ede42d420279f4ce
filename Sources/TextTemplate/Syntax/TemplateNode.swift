/// One piece of a parsed template.
indirect enum TemplateNode: Sendable {
  case text([UInt8])
  case action(TemplatePipe)
  case branch(TemplateBranch)
  case template(name: String, TemplatePipe?, TemplatePlace)
  case `break`
  case `continue`
  /// Ends a list while parsing; never part of a template.
  case end
  case `else`(TemplatePlace)

  /// As error messages name it.
  var description: String {
    switch self {
    case .end: "{{end}}"
    case .else: "{{else}}"
    case .break: "{{break}}"
    case .continue: "{{continue}}"
    default: "node"
    }
  }
}

/// Where something stands, for messages.
struct TemplatePlace: Sendable {
  /// Bytes before it.
  var position: Int
  /// From 1.
  var line: Int
}

/// `if`, `range` or `with`.
struct TemplateBranch: Sendable {
  enum Kind: String, Sendable {
    case `if`, range, with
  }
  var kind: Kind
  var pipe: TemplatePipe
  var list: [TemplateNode]
  /// nil without `else`.
  var elseList: [TemplateNode]?
  var place: TemplatePlace
}

/// `$x := a b | c`: commands of which each gets the result of the one before as its last argument.
struct TemplatePipe: Sendable {
  /// With their `$`.
  var declarations: [String] = []
  /// `=` rather than `:=`.
  var isAssignment = false
  var commands: [TemplateCommand] = []
  var place: TemplatePlace

  /// As Go prints it.
  var description: String {
    let head =
      declarations.isEmpty
      ? "" : declarations.joined(separator: ", ") + (isAssignment ? " = " : " := ")
    return head + commands.map(\.description).joined(separator: " | ")
  }
}

/// A function or value with its arguments.
struct TemplateCommand: Sendable {
  var operands: [TemplateOperand]
  var place: TemplatePlace

  var description: String {
    operands.map { operand in
      if case .pipe(let pipe) = operand.kind { return "(\(pipe.description))" }
      return operand.description
    }.joined(separator: " ")
  }
}

/// A word of a command.
struct TemplateOperand: Sendable {
  indirect enum Kind: Sendable {
    case bool(Bool)
    case dot
    case `nil`
    case number(TemplateNumber)
    case string(String, written: String)
    /// `.a.b`.
    case field([String])
    /// `$x.a.b`: the variable with its `$` first.
    case variable([String])
    /// A function's name.
    case function(String)
    case pipe(TemplatePipe)
    /// `(pipe).a.b`.
    case chain(TemplateOperand, [String])
  }
  var kind: Kind
  var place: TemplatePlace

  var description: String {
    switch kind {
    case .bool(let value): value ? "true" : "false"
    case .dot: "."
    case .nil: "nil"
    case .number(let number): number.written
    case .string(_, let written): written
    case .field(let names): "." + names.joined(separator: ".")
    case .variable(let names): names.joined(separator: ".")
    case .function(let name): name
    case .pipe(let pipe): pipe.description
    case .chain(let operand, let names):
      if case .pipe(let pipe) = operand.kind {
        "(\(pipe.description))." + names.joined(separator: ".")
      } else {
        operand.description + "." + names.joined(separator: ".")
      }
    }
  }
}

/// A number as written: it may stand for an integer, a float or either.
struct TemplateNumber: Sendable {
  var written: String
  var integer: Int?
  var float: Double?

  /// nil for what is no number.
  init?(_ text: String, isCharacter: Bool) {
    written = text
    if isCharacter {
      guard let inner = GoQuoting.unquote(text), inner.unicodeScalars.count == 1,
        let scalar = inner.unicodeScalars.first
      else { return nil }
      integer = Int(scalar.value)
      float = Double(scalar.value)
      return
    }
    if let value = GoQuoting.integer(text) {
      integer = value
      float = Double(value)
      return
    }
    let plain = text.filter { $0 != "_" }
    guard let value = Double(plain), value.isFinite else { return nil }
    // A huge whole number must not turn into a float.
    guard text.contains(where: { ".eEpP".contains($0) }) else { return nil }
    float = value
    if value.rounded() == value, abs(value) < 9e18 { integer = Int(value) }
  }

  /// What it is where nothing says which: a float when it is written like one.
  var value: TemplateValue {
    let isHex = written.contains("x") || written.contains("X")
    let looksLikeFloat =
      !written.hasPrefix("'")
      && written.contains { isHex ? "pP.".contains($0) : ".eE".contains($0) }
    if looksLikeFloat, let float { return .float(float) }
    if let integer { return .int(integer) }
    return .float(float ?? 0)
  }
}
