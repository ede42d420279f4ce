import Configuration
import Regex
import TextTemplate

/// `replace`: puts what a Go template makes of each captured group in the group's place.
final class ReplaceStage: Stage {
  private let source: Int?
  private let regex: Regex
  /// nil when it is malformed, which Promtail only finds with a line; nothing is replaced then.
  private let template: EntryTemplate?
  private let groups: [(number: Int, slot: Int)]

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    _ = try section.needed("expression")
    guard let compiled = try section.regex("expression") else {
      throw section.error("expression", "is needed")
    }
    regex = compiled
    source = try section.source().map { shared.slots.slot($0) }
    var text = ""
    try section.readText("replace", &text)
    try section.finish()
    do { template = try EntryTemplate(text, shared) } catch {
      template = nil
      shared.remarks.add(
        section.error("replace", "is malformed, and replaces nothing: \(error.message)"))
    }
    groups = compiled.slots(shared)
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    guard let template, let input = entry.input(source) else { return .proceed }
    let text = Array(entry.bytes[input])
    let matches = Self.allMatches(regex, text)
    guard !matches.isEmpty else { return .proceed }
    var result: [UInt8] = []
    var end = 0
    var replaced: [[UInt8]: [UInt8]] = [:]
    for match in matches {
      for case let group? in match.dropFirst() {
        let captured = Array(text[group])
        let value = String(decoding: captured, as: UTF8.self)
        guard let made = template.text(&entry, value: value, line: nil) else { return .proceed }
        // A group inside of one that is replaced already changes nothing more.
        if end <= group.lowerBound {
          result += text[end..<group.lowerBound] + made
          end = group.upperBound
        }
        replaced[captured] = made
      }
    }
    result += text[end...]
    let range = entry.append(result)
    if let source { entry[source] = .text(range) } else { entry.line = range }
    for (number, slot) in groups {
      guard let group = matches[0][number], let made = replaced[Array(text[group])] else {
        continue
      }
      entry[slot] = .text(entry.append(made))
    }
    return .proceed
  }

  /// Every match from left to right as Go's FindAll has them: no empty one behind another match.
  private static func allMatches(_ regex: Regex, _ text: [UInt8]) -> [[Range<Int>?]] {
    var matches: [[Range<Int>?]] = []
    var from = 0
    var lastEnd = -1
    while from <= text.count, let match = regex.firstMatch(text, from: from), let whole = match[0] {
      if !whole.isEmpty || whole.lowerBound != lastEnd { matches.append(match) }
      lastEnd = whole.upperBound
      from = whole.isEmpty ? next(text, whole.upperBound) : whole.upperBound
    }
    return matches
  }

  /// Behind the character at `at`; bytes that are none count alone.
  private static func next(_ text: [UInt8], _ at: Int) -> Int {
    guard at < text.count, text[at] >= 0x80 else { return at + 1 }
    var decoder = UTF8()
    var bytes = text[at...].makeIterator()
    guard case .scalarValue(let scalar) = decoder.decode(&bytes) else { return at + 1 }
    return at + UTF8.width(scalar)
  }
}
