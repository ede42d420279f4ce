import Configuration
import Regex

/// `regex`: takes named groups of an expression's first match into the extracted map, and with
/// Alloy's `labels_from_groups` makes labels of them too.
final class RegexStage: Stage {
  private let source: Int?
  private let regex: Regex
  /// Group numbers and where their text goes.
  private let groups: [(number: Int, slot: Int)]
  private let setsLabels: Bool

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    _ = try section.needed("expression")
    guard let compiled = try section.regex("expression") else {
      throw section.error("expression", "is needed")
    }
    regex = compiled
    source = try section.source().map { shared.slots.slot($0) }
    var setsLabels = false
    try section.read("labels_from_groups", &setsLabels)
    self.setsLabels = setsLabels
    try section.finish()
    groups = compiled.slots(shared)
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    guard let input = entry.input(source) else { return .proceed }
    guard let match = entry.withText(input, { regex.firstMatch($0) }) else { return .proceed }
    for group in groups where group.number < match.count {
      let range = match[group.number] ?? 0..<0
      let text = (input.lowerBound + range.lowerBound)..<(input.lowerBound + range.upperBound)
      entry[group.slot] = .text(text)
      if setsLabels, entry.isUTF8(text) { entry.setLabel(group.slot, text) }
    }
    return .proceed
  }
}

extension Regex {
  /// The named groups and the slots of their names.
  func slots(_ shared: StageResources) -> [(number: Int, slot: Int)] {
    groupNames.enumerated().compactMap { index, name in
      name.map { (index + 1, shared.slots.slot($0)) }
    }
  }
}
