import TelemetryModel

/// One execution of a template.
struct TemplateEvaluator {
  let template: Template
  let late: [String: TemplateValue]
  private(set) var output: [UInt8] = []
  var variables: [(name: String, value: TemplateValue)] = []
  private var steps = 0
  private var callBytes = 0
  private var depth = 0
  /// What an error is about.
  var place = TemplatePlace(position: 0, line: 1)
  var context = ""

  enum Flow { case proceed, leaveLoop, nextRound }

  init(_ template: Template, late: [String: TemplateValue]) {
    self.template = template
    self.late = late
  }

  mutating func run(_ data: TemplateValue) throws(TemplateError) {
    variables = [("$", data)]
    _ = try walk(template.nodes, data)
  }

  // MARK: Errors and bounds

  func failure(_ message: String) -> TemplateError {
    let before = template.text.prefix(place.position)
    let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    let line = 1 + before.count { $0 == UInt8(ascii: "\n") }
    let location = "\(template.name):\(line):\(place.position - lineStart)"
    return TemplateError(
      "template: \(location): executing \(quoted(template.name)) at <\(context)>: \(message)")
  }

  mutating func step() throws(TemplateError) {
    steps += 1
    if steps > template.limits.stepsMax { throw failure("the template takes too many steps") }
  }

  mutating func spend(_ value: TemplateValue) throws(TemplateError) {
    guard case .string(let text) = value else { return }
    callBytes += text.utf8.count
    if callBytes > template.limits.callBytesMax { throw failure("the template makes too much") }
  }

  private mutating func write(_ bytes: some Collection<UInt8>) throws(TemplateError) {
    guard output.count + bytes.count <= template.limits.outputBytesMax else {
      throw failure("the output is longer than \(template.limits.outputBytesMax) bytes")
    }
    output += bytes
  }

  mutating func at(_ operand: TemplateOperand) {
    place = operand.place
    context = operand.description
  }

  // MARK: Nodes

  private mutating func walk(_ nodes: [TemplateNode], _ dot: TemplateValue) throws(TemplateError)
    -> Flow
  {
    for node in nodes {
      try step()
      switch node {
      case .text(let bytes): try write(bytes)
      case .action(let pipe):
        let value = try evaluate(pipe, dot)
        if pipe.declarations.isEmpty {
          if case .string(let text) = value {
            try write(text.utf8)
          } else {
            try write(value.printed.utf8)
          }
        }
      case .branch(let branch):
        let flow = try walk(branch, dot)
        if flow != .proceed { return flow }
      case .template(let name, let pipe, let place):
        try call(name, pipe, place, dot)
      case .break: return .leaveLoop
      case .continue: return .nextRound
      case .end, .else: break
      }
    }
    return .proceed
  }

  private mutating func walk(_ branch: TemplateBranch, _ dot: TemplateValue) throws(TemplateError)
    -> Flow
  {
    let scope = variables.count
    defer { variables.removeSubrange(scope...) }
    let value = try evaluate(branch.pipe, dot)
    if branch.kind == .range { return try range(branch, value, dot) }
    if value.isTrue { return try walk(branch.list, branch.kind == .with ? value : dot) }
    guard let others = branch.elseList else { return .proceed }
    return try walk(others, dot)
  }

  private mutating func range(
    _ branch: TemplateBranch, _ value: TemplateValue, _ dot: TemplateValue
  ) throws(TemplateError) -> Flow {
    let names = branch.pipe.declarations
    var rounds = 0
    switch value {
    case .null: break
    case .list(let values):
      for (index, element) in values.enumerated() {
        rounds += 1
        if try round(branch, .int(index), element) == .leaveLoop { return .proceed }
      }
    case .map(let map):
      for (key, element) in map.entries {
        rounds += 1
        if try round(branch, .string(key), element) == .leaveLoop { return .proceed }
      }
    case .int(let count), .int64(let count):
      guard names.count < 2 else {
        throw failure("can't use \(value.text) to iterate over more than one variable")
      }
      var index = 0
      while index < count {
        rounds += 1
        if try round(branch, .null, .int(index)) == .leaveLoop { return .proceed }
        index += 1
      }
    default: throw failure("range can't iterate over \(value.text)")
    }
    if rounds == 0, let others = branch.elseList { return try walk(others, dot) }
    return .proceed
  }

  private mutating func round(
    _ branch: TemplateBranch, _ index: TemplateValue, _ element: TemplateValue
  ) throws(TemplateError) -> Flow {
    try step()
    let names = branch.pipe.declarations
    let scope = variables.count
    defer { variables.removeSubrange(scope...) }
    for (position, name) in names.enumerated() {
      let value = names.count == 2 && position == 0 ? index : element
      if branch.pipe.isAssignment {
        try assign(name, value)
      } else if let known = variables.indices.reversed().first(where: {
        variables[$0].name == name
      }) {
        // Declared by the pipeline already.
        variables[known].value = value
      }
    }
    return try walk(branch.list, element)
  }

  private mutating func call(
    _ name: String, _ pipe: TemplatePipe?, _ place: TemplatePlace, _ dot: TemplateValue
  ) throws(TemplateError) {
    self.place = place
    context = "{{template \(quoted(name))}}"
    guard let nodes = template.definitions[name] ?? (name == template.name ? template.nodes : nil)
    else { throw failure("template \(quoted(name)) not defined") }
    guard depth < template.limits.depthMax else {
      throw failure("exceeded maximum template depth (\(template.limits.depthMax))")
    }
    let data = try pipe.map { (pipe) throws(TemplateError) in try evaluate(pipe, dot) } ?? .null
    let outer = variables
    variables = [("$", data)]
    depth += 1
    _ = try walk(nodes, data)
    depth -= 1
    variables = outer
  }

  // MARK: Pipelines

  mutating func evaluate(_ pipe: TemplatePipe, _ dot: TemplateValue) throws(TemplateError)
    -> TemplateValue
  {
    place = pipe.place
    context = pipe.description
    var value: TemplateValue?
    for command in pipe.commands { value = try evaluate(command, dot, final: value) }
    let result = value ?? .null
    for name in pipe.declarations {
      if pipe.isAssignment { try assign(name, result) } else { variables.append((name, result)) }
    }
    return result
  }

  mutating func assign(_ name: String, _ value: TemplateValue) throws(TemplateError) {
    guard let index = variables.lastIndex(where: { $0.name == name }) else {
      throw failure("undefined variable: \(name)")
    }
    variables[index].value = value
  }

  private mutating func evaluate(
    _ command: TemplateCommand, _ dot: TemplateValue, final: TemplateValue?
  ) throws(TemplateError) -> TemplateValue {
    try step()
    let first = command.operands[0]
    switch first.kind {
    case .field(let names):
      at(first)
      return try fields(names, dot, command.operands, dot, final)
    case .chain(let operand, let names):
      at(first)
      let value = try evaluate(operand, dot)
      return try fields(names, value, command.operands, dot, final)
    case .variable(let names):
      at(first)
      let value = try variable(names[0])
      if names.count == 1 {
        try refuseArguments(command, final)
        return value
      }
      return try fields(Array(names.dropFirst()), value, command.operands, dot, final)
    case .function(let name):
      at(first)
      return try call(name, command, dot, final: final)
    case .pipe(let pipe):
      try refuseArguments(command, final)
      return try evaluate(pipe, dot)
    case .bool, .dot, .number, .string, .nil:
      at(first)
      try refuseArguments(command, final)
      if case .nil = first.kind { throw failure("nil is not a command") }
      return try evaluate(first, dot)
    }
  }

  /// A word by itself, as an argument for anything.
  mutating func evaluate(_ operand: TemplateOperand, _ dot: TemplateValue) throws(TemplateError)
    -> TemplateValue
  {
    switch operand.kind {
    case .bool(let value): return .bool(value)
    case .dot: return dot
    case .nil: return .null
    case .number(let number): return number.value
    case .string(let text, _): return .string(text)
    case .field(let names):
      at(operand)
      return try fields(names, dot, [operand], dot, nil)
    case .variable(let names):
      at(operand)
      let value = try variable(names[0])
      guard names.count > 1 else { return value }
      return try fields(Array(names.dropFirst()), value, [operand], dot, nil)
    case .function(let name):
      at(operand)
      let command = TemplateCommand(operands: [operand], place: operand.place)
      return try call(name, command, dot, final: nil)
    case .pipe(let pipe): return try evaluate(pipe, dot)
    case .chain(let inner, let names):
      at(operand)
      let value = try evaluate(inner, dot)
      return try fields(names, value, [operand], dot, nil)
    }
  }

  private func variable(_ name: String) throws(TemplateError) -> TemplateValue {
    guard let known = variables.last(where: { $0.name == name }) else {
      throw failure("undefined variable: \(name)")
    }
    return known.value
  }

  private func refuseArguments(_ command: TemplateCommand, _ final: TemplateValue?)
    throws(TemplateError)
  {
    guard command.operands.count > 1 || final != nil else { return }
    throw failure("can't give argument to non-function \(command.operands[0].description)")
  }
}
