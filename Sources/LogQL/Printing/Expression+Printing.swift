import TelemetryModel

extension Expression {
  /// On one line, as Loki prints it.
  package var description: String {
    switch self {
    case .log(let selection): return selection.description
    case .rangeAggregation(let aggregation): return aggregation.description
    case .vectorAggregation(let aggregation):
      var arguments = [aggregation.operand.description]
      if aggregation.parameter != 0 { arguments.insert("\(aggregation.parameter)", at: 0) }
      return aggregation.function.rawValue + (aggregation.shownGrouping?.description ?? "")
        + "(" + arguments.joined(separator: ",") + ")"
    case .binary(let operation):
      return "(\(operation.left.description) \(operation.operatorText(separator: ",")) "
        + "\(operation.right.description))"
    case .literal(let value): return GoNumber.general(value)
    case .vector(let value): return "vector(\(GoNumber.fixed(value)))"
    case .labelReplace(let replace):
      let strings = replace.arguments.map { "," + quoted($0) }
      return "label_replace(\(replace.operand.description)\(strings.joined()))"
    }
  }
}

extension LogSelection {
  package var selectorDescription: String {
    "{" + matchers.map(\.description).joined(separator: ", ") + "}"
  }

  package var description: String {
    ([selectorDescription] + stages.map(\.description)).joined(separator: " ")
  }
}

extension LogRange {
  package var description: String {
    var text = selection.description
    if let unwrap { text += " " + unwrap.description }
    text += "[\(DurationText.prometheus(span))]"
    if offset != .zero { text += " offset " + DurationText.go(offset) }
    return text
  }
}

extension RangeAggregation {
  package var description: String {
    let shown = parameter.map { GoNumber.general($0) + "," } ?? ""
    return "\(function.rawValue)(\(shown)\(range.description))\(grouping?.description ?? "")"
  }
}

extension VectorAggregation {
  /// `by ()` is what no grouping means, and isn't printed.
  var shownGrouping: Grouping? {
    guard let grouping, grouping.isWithout || !grouping.labels.isEmpty else { return nil }
    return grouping
  }
}

extension Grouping {
  /// ` by (a,b)`, with the blank in front.
  package var description: String { text(separator: ",") }

  func text(separator: String) -> String {
    (isWithout ? " without (" : " by (") + labels.joined(separator: separator) + ")"
  }
}

extension LabelReplace {
  var arguments: [String] { [destination, replacement, source, pattern] }
}

extension BinaryOperation {
  /// The operator with its modifiers: `/ ignoring (b) group_left (c)`. Behind the labels compared
  /// there is a blank, whatever follows; `on ()` is left out of the long form.
  func operatorText(separator: String, isLong: Bool = false) -> String {
    var text = function.rawValue
    if returnsBool { text += " bool" }
    guard let matching, (matching.isOn && !isLong) || !matching.labels.isEmpty else { return text }
    text += matching.isOn ? " on (" : " ignoring ("
    text += matching.labels.joined(separator: separator) + ") "
    switch matching.cardinality {
    case .oneToOne: return text
    case .manyToOne: text += "group_left"
    case .oneToMany: text += "group_right"
    }
    if !matching.included.isEmpty {
      text += " (" + matching.included.joined(separator: separator) + ")"
    }
    return text
  }
}
