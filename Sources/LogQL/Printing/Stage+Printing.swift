import TelemetryModel

extension Stage {
  /// As Loki prints it in messages and in formatted queries: `| json`, `|= "x"`.
  package var description: String {
    switch self {
    case .lineFilter(let filter): return filter.description
    case .parser(let parser): return "| " + parser.description
    case .labelFilter(let filter): return "| " + filter.description
    case .lineFormat(let format): return "| line_format " + quoted(format.template)
    case .labelFormat(let format): return "| label_format " + format.description
    case .drop(let selections): return "| drop " + Stage.list(selections)
    case .keep(let selections): return "| keep " + Stage.list(selections)
    case .decolorize: return "| decolorize"
    }
  }

  private static func list(_ selections: [LabelSelection]) -> String {
    selections.map { selection in
      switch selection {
      case .name(let name): name
      case .matcher(let matcher): matcher.description
      }
    }.joined(separator: ",")
  }
}

extension LabelMatcher {
  /// `name="value"`, the name in quotes where it has other characters than Prometheus's names.
  package var description: String {
    let isPlain = name.utf8.enumerated().allSatisfy { $1.isLabelNameByte(isFirst: $0 == 0) }
    return (isPlain ? name : quoted(name)) + operation.rawValue + quoted(value)
  }
}

extension LineFilter {
  package var description: String {
    let shown = operands.map { operand in
      switch operand {
      case .text(let bytes): quoted(String(decoding: bytes, as: UTF8.self))
      case .address(let text): "ip(\(quoted(text)))"
      }
    }
    // Negative alternatives are printed as the filters in a row that they mean.
    return isNegativeList
      ? shown.map { "\(operation.rawValue) \($0)" }.joined(separator: " ")
      : "\(operation.rawValue) " + shown.joined(separator: " or ")
  }

  private var isNegativeList: Bool { operation.isNegative && operands.count > 1 }
}

extension ParserStage {
  package var description: String {
    switch self {
    case .json(let fields):
      return fields.isEmpty ? "json" : "json " + ParserStage.list(fields)
    case .logfmt(let isStrict, let keepsEmpty, let fields):
      var text = "logfmt"
      if isStrict { text += " --strict" }
      if keepsEmpty { text += " --keep-empty" }
      return fields.isEmpty ? text : text + " " + ParserStage.list(fields)
    case .regexp(let pattern): return "regexp " + quoted(pattern)
    case .pattern(let pattern): return "pattern " + quoted(pattern.text)
    case .unpack: return "unpack"
    }
  }

  private static func list(_ fields: [ExtractedField]) -> String {
    fields.map { "\($0.name)=\(quoted($0.expression))" }.joined(separator: ",")
  }
}

extension LabelFormat {
  package var description: String {
    assignments.map { assignment in
      switch assignment.source {
      case .rename(let other): "\(assignment.name)=\(other)"
      case .template(let text): "\(assignment.name)=\(quoted(text))"
      }
    }.joined(separator: ",")
  }
}

extension LabelFilter {
  package var description: String {
    switch self {
    case .string(let matcher): matcher.description
    case .number(let label, let comparison, let value):
      label + comparison.rawValue + GoNumber.plain(value)
    case .duration(let label, let comparison, let span):
      label + comparison.rawValue + DurationText.go(span)
    case .bytes(let label, let comparison, let size):
      label + comparison.rawValue + ByteSizeText.format(size)
    case .address(let label, let isEqual, let text):
      label + (isEqual ? "=" : "!=") + "ip(\(quoted(text)))"
    case .and(let left, let right): "( \(left.description) , \(right.description) )"
    case .or(let left, let right): "( \(left.description) or \(right.description) )"
    }
  }
}

extension Unwrap {
  /// With the bar in front and the filters after it.
  package var description: String {
    let shown = conversion == .number ? label : "\(conversion.rawValue)(\(label))"
    return "| unwrap \(shown)" + filters.map { " | " + $0.description }.joined()
  }
}
