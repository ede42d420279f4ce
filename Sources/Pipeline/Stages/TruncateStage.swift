import Configuration
import TelemetryModel
import WireFormats

/// `truncate`: cuts lines, labels, structured metadata or extracted values that are too long
/// (Alloy's `stage.truncate`). What was cut is named in the extracted value `truncated`.
///
/// Cuts fall between characters, so that up to three bytes less than the limit may stay.
final class TruncateStage: Stage {
  private enum Target: String, CaseIterable {
    case line, label
    case structuredMetadata = "structured_metadata"
    case extracted
  }

  private struct Rule {
    let target: Target
    /// Bytes that stay, without the suffix.
    let bytesMax: Int
    let suffix: [UInt8]
    /// Empty for all.
    let names: [String]
    let slots: [Int]
  }

  private let rules: [Rule]
  private let marker: Int
  private let counts: [MetricSeries]

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    var rules: [Rule] = []
    for var inner in try section.sections("rules") {
      rules.append(try TruncateStage.rule(&inner, shared))
    }
    try section.finish()
    guard !rules.isEmpty else { throw section.error("rules", "are needed") }
    self.rules = rules
    marker = shared.slots.slot("truncated")
    let family = shared.metrics.family(
      "loki_process_truncated_fields_total",
      help: "Lines, labels, extracted values and structured metadata that stages truncated.",
      kind: .counter, idleSeconds: .max)
    guard let family else { throw stage.error("counts into a metric that is another one") }
    counts = Target.allCases.map { family.series(["field": $0.rawValue]) }
  }

  private static func rule(_ section: inout SettingSection, _ shared: StageResources)
    throws(ConfigurationError) -> Rule
  {
    var limit = 0
    var suffix = ""
    var names: [String] = []
    var target = Target.line
    try section.readBytes("limit", &limit)
    try section.read("suffix", &suffix)
    try section.read("sources", &names)
    try section.read("source_type", &target)
    try section.finish()
    guard limit > 0 else { throw section.error("limit", "is needed, above 0") }
    guard target != .line || names.isEmpty else {
      throw section.error("sources", "cannot be set for lines")
    }
    guard suffix.utf8.count < limit else { throw section.error("suffix", "is as long as `limit`") }
    return Rule(
      target: target, bytesMax: limit - suffix.utf8.count, suffix: Array(suffix.utf8),
      names: names, slots: names.map { shared.slots.slot($0) })
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    for rule in rules {
      let count = cut(&entry, rule)
      guard count > 0 else { continue }
      let index = Target.allCases.firstIndex(of: rule.target) ?? 0
      counts[index].add(Double(count), nowSeconds: shared.metrics.seconds)
      mark(&entry, rule.target)
    }
    return .proceed
  }

  /// Applies one rule; how much was cut.
  private func cut(_ entry: inout StageEntry, _ rule: Rule) -> Int {
    var count = 0
    switch rule.target {
    case .line:
      if let range = cut(&entry, entry.line, rule) {
        entry.line = range
        count += 1
      }
    case .label:
      for slot in rule.names.isEmpty ? entry.labelSlots : rule.slots {
        guard let value = entry.label(slot), let range = cut(&entry, value, rule) else { continue }
        entry.setLabel(slot, range)
        count += 1
      }
    case .structuredMetadata:
      for index in entry.structuredMetadata.indices {
        let label = entry.structuredMetadata[index]
        guard rule.names.isEmpty || rule.names.contains(label.name) else { continue }
        let value = Array(label.value.utf8)
        guard let kept = TruncateStage.kept(value.count, rule.bytesMax, { value[$0] }) else {
          continue
        }
        entry.structuredMetadata[index].value = String(
          decoding: value[..<kept] + rule.suffix, as: UTF8.self)
        count += 1
      }
    case .extracted:
      for slot in rule.names.isEmpty ? Array(entry.values.indices) : rule.slots {
        guard case .text(let value) = entry[slot], let range = cut(&entry, value, rule) else {
          continue
        }
        entry[slot] = .text(range)
        count += 1
      }
      guard rule.names.isEmpty else { break }
      for index in entry.looseValues.indices {
        guard case .text(let value) = entry.looseValues[index].value,
          let range = cut(&entry, value, rule)
        else { continue }
        entry.looseValues[index].value = .text(range)
        count += 1
      }
    }
    return count
  }

  private func cut(_ entry: inout StageEntry, _ value: Range<Int>, _ rule: Rule) -> Range<Int>? {
    let kept = TruncateStage.kept(value.count, rule.bytesMax) {
      entry.bytes[value.lowerBound + $0]
    }
    guard let kept else { return nil }
    let short = value.lowerBound..<(value.lowerBound + kept)
    return rule.suffix.isEmpty ? short : entry.append(entry.bytes[short] + rule.suffix)
  }

  /// How many bytes stay of `count`, so that no character is torn; nil when all do.
  private static func kept(_ count: Int, _ bytesMax: Int, _ byte: (Int) -> UInt8) -> Int? {
    guard count > bytesMax else { return nil }
    var kept = bytesMax
    while kept > 0, bytesMax - kept < 3, byte(kept) & 0xc0 == 0x80 { kept -= 1 }
    return byte(kept) & 0xc0 == 0x80 ? bytesMax : kept
  }

  /// Adds to the extracted value `truncated`: names, sorted, with commas between.
  private func mark(_ entry: inout StageEntry, _ target: Target) {
    var names: Set<String> = [target.rawValue]
    if case .text(let range) = entry[marker] {
      names.formUnion(entry.string(range).split(separator: ",").map(String.init))
    }
    entry[marker] = .text(entry.append(Array(names.sorted().joined(separator: ",").utf8)))
  }
}
