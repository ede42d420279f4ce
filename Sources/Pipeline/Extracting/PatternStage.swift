import Configuration
import LogQL

/// `pattern`: takes captures of a LogQL pattern, `<ip> - <_> "<method>`, into the extracted map
/// (Alloy's `stage.pattern`).
final class PatternStage: Stage {
  private let source: Int?
  private let pattern: CapturePattern
  /// Where each capture goes.
  private let slots: [Int]
  private let setsLabels: Bool
  private var found: [(number: Int, range: Range<Int>)] = []

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    let text = try section.needed("pattern")
    source = try section.source().map { shared.slots.slot($0) }
    var setsLabels = false
    try section.read("labels_from_groups", &setsLabels)
    self.setsLabels = setsLabels
    try section.finish()
    do { pattern = try CapturePattern(parserExpression: text) } catch {
      throw section.error("pattern", "is malformed: \(error.message)")
    }
    slots = pattern.names.map { shared.slots.slot($0) }
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    guard let input = entry.input(source) else { return .proceed }
    found.removeAll(keepingCapacity: true)
    let isMatch = entry.withText(input) { text in
      pattern.match(text) { found.append(($0, $1)) }
    }
    guard isMatch else { return .proceed }
    for (number, part) in found {
      let range = (input.lowerBound + part.lowerBound)..<(input.lowerBound + part.upperBound)
      entry[slots[number]] = .text(range)
      if setsLabels, entry.isUTF8(range) { entry.setLabel(slots[number], range) }
    }
    return .proceed
  }
}
