import WireFormats

/// What answers cost, added up over pages, and what was said beside them.
struct QueryStatistics {
  private(set) var warnings: [String] = []
  private(set) var hasSamples = false
  /// Of Loki's `data.stats.summary`: the sums of what can be added.
  private var sums: [(name: String, value: Double)] = []
  private var pages = 0

  /// Takes the statistics of one more answer.
  mutating func add(_ answer: JSONValue) {
    pages += 1
    if answer["data"]?["resultType"]?.stringValue != "streams" { hasSamples = true }
    for warning in answer["warnings"]?.arrayValue ?? [] {
      if let text = warning.stringValue, !warnings.contains(text) { warnings.append(text) }
    }
    // What is per second cannot be added.
    for member in answer["data"]?["stats"]?["summary"]?.members ?? []
    where !member.key.hasSuffix("PerSecond") {
      guard let value = member.value.doubleValue else { continue }
      if let index = sums.firstIndex(where: { $0.name == member.key }) {
        sums[index].value += value
      } else {
        sums.append((member.key, value))
      }
    }
  }

  /// Tells of what was said beside the answers.
  func tellWarnings(_ surroundings: Surroundings) {
    for warning in warnings {
      surroundings.errors.write("warning: \(terminalSafe(warning))\n")
    }
  }

  /// One `name value` a row, for people.
  var text: String {
    var text = "requests \(pages)\n"
    for (name, value) in sums {
      if name.hasSuffix("Bytes") || name.contains("Bytes") {
        text += "\(name) \(Int(value)) (\(ProgressBar.size(Int(value))))\n"
      } else {
        text += "\(name) \(formatFloat(value))\(name.hasSuffix("Time") ? "s" : "")\n"
      }
    }
    return text
  }
}
