import Bytes
import Configuration
import Regex
import WireFormats

/// `logfmt`: takes values of logfmt pairs into the extracted map: those that `mapping` names, and
/// with Alloy's `regex` those whose names match.
final class LogfmtStage: Stage {
  private let source: Int?
  /// Field names and where their values go.
  private let fields: [(name: [UInt8], slot: Int)]
  private let regex: Regex?

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    regex = try section.nameRegex()
    let mapping = try section.section("mapping")
    guard regex != nil || mapping?.keys.isEmpty == false else {
      throw section.error("mapping", "is needed: names with logfmt fields")
    }
    source = try section.source().map { shared.slots.slot($0) }
    try section.finish()
    fields = try (mapping?.textMembers() ?? []).map { name, field in
      (Array((field.flatMap { $0.isEmpty ? nil : $0 } ?? name).utf8), shared.slots.slot(name))
    }
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    guard let input = entry.input(source) else { return .proceed }
    var found: [(slot: Int, value: ExtractedValue)] = []
    var loose: [(key: Range<Int>, value: ExtractedValue)] = []
    var made: [UInt8] = []
    let offset = entry.bytes.count
    entry.withText(input) { text in
      // A record ends with its line, even inside quotes.
      for record in text.split(separator: UInt8(ascii: "\n")) {
        let line = UnsafeRawBufferPointer(rebasing: record)
        let at = input.lowerBound + record.startIndex
        guard read(line, at: at, madeAt: offset, &found, &loose, &made) else { return }
      }
    }
    entry.bytes.append(contentsOf: made)
    for (slot, value) in found { entry[slot] = value }
    for (key, value) in loose { entry.extract(value, as: entry.string(key), shared.slots) }
    return .proceed
  }

  /// Reads one record; false at a fault, which ends the whole.
  private func read(
    _ line: UnsafeRawBufferPointer, at: Int, madeAt: Int,
    _ found: inout [(slot: Int, value: ExtractedValue)],
    _ loose: inout [(key: Range<Int>, value: ExtractedValue)], _ made: inout [UInt8]
  ) -> Bool {
    var scanner = LogfmtScanner(line)
    while true {
      switch scanner.next() {
      case .end: return true
      case .fault: return false
      case .pair(let pair):
        let key = scanner.bytes(pair.key)
        let isLoose = regex?.matches(key) ?? false
        let slots = fields.lazy.filter { field in
          field.name.count == key.count && field.name.elementsEqual(key)
        }
        guard isLoose || !slots.isEmpty else { continue }
        var range = (at + pair.value.lowerBound)..<(at + pair.value.upperBound)
        if pair.hasEscapes {
          let start = madeAt + made.count
          scanner.unescape(pair, into: &made)
          range = start..<(madeAt + made.count)
        }
        for field in slots { found.append((field.slot, .text(range))) }
        if isLoose {
          loose.append(((at + pair.key.lowerBound)..<(at + pair.key.upperBound), .text(range)))
        }
      }
    }
  }
}
