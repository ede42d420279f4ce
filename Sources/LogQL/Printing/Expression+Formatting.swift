import TelemetryModel

/// The layout of `format_query`: what fits 100 columns stays on one line, the rest is broken at
/// stages, arguments and operators, two blanks a level.
extension Expression {
  package var formatted: String { formatted(level: 0) }

  private static let columnsMax = 100

  private static func indent(_ level: Int) -> String { String(repeating: "  ", count: level) }

  private static func fits(_ text: String) -> Bool { text.utf8.count <= columnsMax }

  private func formatted(level: Int) -> String {
    let indent = Expression.indent(level)
    let plain = description
    if Expression.fits(plain) { return indent + plain }
    switch self {
    case .literal, .vector: return indent + plain
    case .log(let selection): return Expression.broken(selection, level: level)
    case .rangeAggregation(let aggregation):
      return Expression.broken(aggregation, level: level)
    case .vectorAggregation(let aggregation):
      var arguments = [aggregation.operand.formatted(level: level + 1)]
      if aggregation.parameter != 0 {
        arguments.insert(Expression.indent(level + 1) + "\(aggregation.parameter)", at: 0)
      }
      let grouping = aggregation.shownGrouping?.text(separator: ", ") ?? ""
      return indent + aggregation.function.rawValue + grouping + "(\n"
        + arguments.joined(separator: ",\n") + "\n\(indent))"
    case .binary(let operation):
      return operation.left.formatted(level: level + 1) + "\n" + indent
        + operation.operatorText(separator: ", ", isLong: true) + "\n"
        + operation.right.formatted(level: level + 1)
    case .labelReplace(let replace):
      let strings = replace.arguments.map { Expression.indent(level + 1) + quoted($0) }
      return indent + "label_replace(\n"
        + ([replace.operand.formatted(level: level + 1)] + strings).joined(separator: ",\n")
        + "\n\(indent))"
    }
  }

  private static func broken(_ selection: LogSelection, level: Int) -> String {
    if fits(selection.description) { return indent(level) + selection.description }
    let lines =
      [indent(level) + selection.selectorDescription]
      + selection.stages.map { indent(level + 1) + $0.description }
    return lines.joined(separator: "\n")
  }

  private static func broken(_ aggregation: RangeAggregation, level: Int) -> String {
    let range = aggregation.range
    var text = indent(level) + aggregation.function.rawValue + "(\n"
    if let parameter = aggregation.parameter {
      text += indent(level + 1) + GoNumber.general(parameter) + ",\n"
    }
    text += broken(range.selection, level: level + 1)
    if let unwrap = range.unwrap {
      let shown = Unwrap(label: unwrap.label, conversion: unwrap.conversion).description
      text += "\n" + indent(level + 2) + shown
      for filter in unwrap.filters {
        text += "\n" + indent(level + 2) + "| " + filter.description
      }
    }
    text += " [\(DurationText.prometheus(range.span))]"
    if range.offset != .zero { text += " offset \(DurationText.prometheus(range.offset))" }
    return text + "\n" + indent(level) + ")"
      + (aggregation.grouping?.text(separator: ", ") ?? "")
  }
}
