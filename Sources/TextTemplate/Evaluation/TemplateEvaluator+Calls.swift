import TelemetryModel

extension TemplateEvaluator {
  /// Calls a function with the words of a command, and the value before `|` as the last argument.
  mutating func call(
    _ name: String, _ command: TemplateCommand, _ dot: TemplateValue, final: TemplateValue?
  ) throws(TemplateError) -> TemplateValue {
    guard let function = template.functions[name] else {
      throw failure("\(quoted(name)) is not a defined function")
    }
    let operands = command.operands.dropFirst()
    let given = operands.count + (final == nil ? 0 : 1)
    let wanted = function.parameters.count
    if function.isVariadic {
      guard given >= wanted - 1 else {
        throw failure(
          "wrong number of args for \(name): want at least \(wanted - 1) got \(operands.count)")
      }
    } else if given != wanted {
      throw failure("wrong number of args for \(name): want \(wanted) got \(given)")
    }
    switch function.work {
    case .late: return late[name] ?? .null
    case .shortCircuit(let isOr):
      return try decide(isOr, Array(operands), dot, final)
    case .body(let body):
      var arguments: [TemplateValue] = []
      arguments.reserveCapacity(given)
      for (index, operand) in operands.enumerated() {
        let type = function.parameters[min(index, wanted - 1)]
        arguments.append(try argument(operand, type, dot))
      }
      if let final {
        let type = function.parameters[min(given, wanted) - 1]
        arguments.append(try check(final, type))
      }
      let value = try finish(name, command, body, arguments)
      if function.changesFirstArgument, case .variable(let names)? = operands.first?.kind,
        names.count == 1
      {
        try assign(names[0], value)
      }
      return value
    }
  }

  private mutating func finish(
    _ name: String, _ command: TemplateCommand, _ body: TemplateFunction.Body,
    _ arguments: [TemplateValue]
  ) throws(TemplateError) -> TemplateValue {
    do {
      let value = try body(arguments)
      try spendOrFail(value)
      return value
    } catch let error as TemplateCallError {
      place = command.place
      context = command.description
      throw failure("error calling \(name): \(error.message)")
    } catch let error as TemplateError {
      throw error
    } catch {
      throw failure("error calling \(name)")
    }
  }

  private mutating func spendOrFail(_ value: TemplateValue) throws {
    try spend(value)
  }

  /// `and` and `or`: the first argument that decides, or the last.
  private mutating func decide(
    _ isOr: Bool, _ operands: [TemplateOperand], _ dot: TemplateValue, _ final: TemplateValue?
  ) throws(TemplateError) -> TemplateValue {
    var value = TemplateValue.null
    for operand in operands {
      value = try argument(operand, .any, dot)
      if value.isTrue == isOr { return value }
    }
    return final ?? value
  }

  /// A word as an argument for a parameter of a type.
  private mutating func argument(
    _ operand: TemplateOperand, _ type: TemplateType, _ dot: TemplateValue
  ) throws(TemplateError) -> TemplateValue {
    at(operand)
    switch operand.kind {
    case .nil:
      guard type.takesNull else { throw failure("cannot assign nil to \(type.rawValue)") }
      return .null
    case .dot, .field, .variable, .pipe, .function, .chain:
      return try check(try evaluate(operand, dot), type)
    case .bool(let value):
      if type == .any || type == .bool { return .bool(value) }
    case .string(let text, _):
      if type == .any || type == .string { return .string(text) }
    case .number(let number):
      switch type {
      case .any: return number.value
      case .int: if let value = number.integer { return .int(value) }
      case .int64: if let value = number.integer { return .int64(value) }
      case .float: if let value = number.float { return .float(value) }
      default: break
      }
    }
    throw failure(refusal(operand, type))
  }

  private func refusal(_ operand: TemplateOperand, _ type: TemplateType) -> String {
    switch type {
    case .string: "expected string; found \(operand.description)"
    case .int, .int64: "expected integer; found \(operand.description)"
    case .float: "expected float; found \(operand.description)"
    case .bool: "expected bool; found \(operand.description)"
    default: "can't handle \(operand.description) for arg of type \(type.rawValue)"
    }
  }

  /// A value as an argument: it must have the parameter's very type.
  private func check(_ value: TemplateValue, _ type: TemplateType) throws(TemplateError)
    -> TemplateValue
  {
    switch (type, value) {
    case (.any, _), (.string, .string), (.int, .int), (.int64, .int64), (.float, .float),
      (.bool, .bool), (.time, .time), (.list, .list), (.list, .null), (.map, .null):
      return value
    case (.map, .map(let map)) where !map.hasTextOnly: return value
    case (_, .null): throw failure("invalid value; expected \(type.rawValue)")
    default:
      throw failure(
        "wrong type for value; expected \(type.rawValue); got \(value.typeName)")
    }
  }
}

extension TemplateType {
  fileprivate var takesNull: Bool { self == .any || self == .list || self == .map }
}
