import Regex
import TelemetryModel

/// The steps of a pipeline.
extension Parser {
  /// Stages up to what is none; an `unwrap` ends them and takes the filters after it.
  mutating func pipeline(unwrap: inout Unwrap?, allowsUnwrap: Bool) throws(LogQLError) -> [Stage] {
    var stages: [Stage] = []
    while true {
      if let operation = lineFilterOperation() {
        stages.append(.lineFilter(try lineFilter(operation)))
        continue
      }
      guard try take("|") else { return stages }
      if allowsUnwrap, current.is("unwrap") {
        unwrap = try unwrapStage()
        return stages
      }
      stages.append(try pipedStage())
    }
  }

  private func lineFilterOperation() -> LineFilterOperation? {
    current.kind == .symbol ? LineFilterOperation(rawValue: current.text) : nil
  }

  private mutating func lineFilter(_ operation: LineFilterOperation) throws(LogQLError)
    -> LineFilter
  {
    try advance()
    var operands = [try lineFilterOperand(operation)]
    while try take("or") { operands.append(try lineFilterOperand(operation)) }
    return LineFilter(operation, operands)
  }

  private mutating func lineFilterOperand(_ operation: LineFilterOperation) throws(LogQLError)
    -> LineFilterOperand
  {
    if current.isFunction("ip") { return .address(try addressCall()) }
    guard current.kind == .string else { throw unexpected("STRING", "ip") }
    // What is wrong with an expression is told when the stage is made.
    return .text(try advance().bytes)
  }

  /// `ip("…")`.
  mutating func addressCall() throws(LogQLError) -> String {
    try advance()
    try expect("(")
    let text = try string()
    try expect(")")
    return text
  }

  private mutating func unwrapStage() throws(LogQLError) -> Unwrap {
    try advance()
    var unwrap = Unwrap(label: "")
    if current.kind == .function, let conversion = Unwrap.Conversion(rawValue: current.text) {
      try advance()
      try expect("(")
      unwrap = Unwrap(label: try identifier(), conversion: conversion)
      try expect(")")
    } else {
      guard current.kind == .identifier else {
        throw unexpected("IDENTIFIER", "BYTES_CONV", "DURATION_CONV", "DURATION_SECONDS_CONV")
      }
      unwrap.label = try identifier()
    }
    while try take("|") {
      guard startsLabelFilter else { throw unexpected("IDENTIFIER", "(") }
      unwrap.filters.append(try labelFilter())
    }
    return unwrap
  }

  private mutating func pipedStage() throws(LogQLError) -> Stage {
    if startsLabelFilter { return .labelFilter(try labelFilter()) }
    guard current.kind == .symbol else { throw unexpected() }
    switch current.text {
    case "json":
      try advance()
      return .parser(.json(try extractedFields()))
    case "logfmt": return .parser(try logfmtStage())
    case "regexp":
      try advance()
      return .parser(.regexp(try checkedCaptureRegex(try string())))
    case "pattern":
      try advance()
      let text = try string()
      do {
        return .parser(.pattern(try CapturePattern(parserExpression: text)))
      } catch {
        throw LogQLError("invalid pattern parser: \(error.reason)")
      }
    case "unpack":
      try advance()
      return .parser(.unpack)
    case "decolorize":
      try advance()
      return .decolorize
    case "line_format":
      try advance()
      return .lineFormat(LineFormat(template: try string()))
    case "label_format": return .labelFormat(try labelFormat())
    case "drop":
      try advance()
      return .drop(try labelSelections())
    case "keep":
      try advance()
      return .keep(try labelSelections())
    default: throw unexpected()
    }
  }

  private mutating func logfmtStage() throws(LogQLError) -> ParserStage {
    try advance()
    var isStrict = false
    var keepsEmpty = false
    while current.kind == .flag {
      if try advance().text == "--strict" { isStrict = true } else { keepsEmpty = true }
    }
    return .logfmt(isStrict: isStrict, keepsEmpty: keepsEmpty, fields: try extractedFields())
  }

  private mutating func extractedFields() throws(LogQLError) -> [ExtractedField] {
    guard current.kind == .identifier else { return [] }
    var fields: [ExtractedField] = []
    repeat {
      let name = try identifier()
      let expression = try take("=") ? try string() : name
      fields.append(ExtractedField(name: name, expression: expression))
    } while try take(",")
    return fields
  }

  private func checkedCaptureRegex(_ text: String) throws(LogQLError) -> String {
    let prefix = "invalid regexp parser: "
    let regex: Regex
    do {
      regex = try Regex(text)
    } catch {
      throw LogQLError(prefix + error.message)
    }
    var seen: Set<String> = []
    for name in regex.groupNames.compactMap({ $0 }) {
      let isValid = name.utf8.enumerated().allSatisfy { at, byte in
        byte.isLabelNameByte(isFirst: at == 0)
      }
      guard isValid else { throw LogQLError(prefix + "invalid extracted label name '\(name)'") }
      guard seen.insert(name).inserted else {
        throw LogQLError(prefix + "duplicate extracted label name '\(name)'")
      }
    }
    guard !seen.isEmpty else {
      throw LogQLError(prefix + "at least one named capture must be supplied")
    }
    return text
  }

  private mutating func labelFormat() throws(LogQLError) -> LabelFormat {
    try advance()
    var format = LabelFormat(assignments: [])
    repeat {
      let name = try identifier()
      try expect("=")
      switch current.kind {
      case .identifier:
        format.assignments.append(.init(name: name, source: .rename(try identifier())))
      case .string:
        format.assignments.append(.init(name: name, source: .template(try string())))
      default: throw unexpected("IDENTIFIER", "STRING")
      }
    } while try take(",")
    if let reason = format.fault {
      report(LogQLError("stage '\(Stage.labelFormat(format).description)' : \(reason)"))
    }
    return format
  }

  private mutating func labelSelections() throws(LogQLError) -> [LabelSelection] {
    var selections: [LabelSelection] = []
    repeat {
      let name = try identifier()
      if let operation = matchOperation() {
        try advance()
        let matcher = LabelMatcher(name, operation, try string())
        selections.append(.matcher(try checked(matcher)))
      } else {
        selections.append(.name(name))
      }
    } while try take(",")
    return selections
  }
}

extension LabelFormat {
  /// What Loki refuses after the syntax is right.
  var fault: String? {
    var seen: Set<String> = []
    for assignment in assignments {
      if assignment.name == "__error__" { return "\(assignment.name) cannot be formatted" }
      guard seen.insert(assignment.name).inserted else {
        return "multiple label name '\(assignment.name)' not allowed in a single format operation"
      }
    }
    return nil
  }
}
