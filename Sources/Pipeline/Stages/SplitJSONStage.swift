import Configuration
import TelemetryModel
import WireFormats

/// `split_json`: makes one line of each element of a JSON array (Alloy's `stage.split_json`).
///
/// Whatever is not an array goes on as it is, and so does one that would make more than
/// ``linesMax`` lines or 64 MiB of them.
final class SplitJSONStage: Stage {
  private let source: Int?

  private static let linesMax = 65_536
  private static let bytesMax = 64 << 20
  /// Why an empty array leaves nothing.
  private static let emptyReason = "split_json_stage_empty"

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    source = try section.source().map { shared.slots.slot($0) }
    try section.finish()
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    guard let input = entry.input(source), let elements = elements(input, entry) else {
      return .proceed
    }
    guard !elements.isEmpty else { return .drop(reason: SplitJSONStage.emptyReason) }
    var lines: [StageEntry] = []
    var bytes = 0
    for element in elements {
      let line = entry.compact(line: element)
      bytes += line.bytes.count
      guard bytes <= SplitJSONStage.bytesMax else { return .proceed }
      lines.append(line)
    }
    return .split(lines)
  }

  /// Where the elements lie in the entry's bytes; nil when the text is no array.
  private func elements(_ input: Range<Int>, _ entry: borrowing StageEntry) -> [Range<Int>]? {
    entry.withText(input) { text in
      var scanner = JSONScanner(text, depthMax: 512)
      guard let first = try? scanner.next(), first == .beginArray else { return nil }
      var ranges: [Range<Int>] = []
      while true {
        guard let range = try? scanner.skipValue() else { return nil }
        if range.isEmpty { break }
        guard ranges.count < SplitJSONStage.linesMax else { return nil }
        ranges.append(
          (input.lowerBound + range.lowerBound)..<(input.lowerBound + range.upperBound))
      }
      guard (try? scanner.finish()) != nil else { return nil }
      return ranges
    }
  }
}

extension StageEntry {
  /// The same entry with a line of its own, holding no more bytes than it needs.
  func compact(line: Range<Int>) -> StageEntry {
    var copy = StageEntry(base: base, timestamp: timestamp, origin: origin)
    copy.distantTime = distantTime
    copy.line = copy.append(bytes[line])
    copy.structuredMetadata = structuredMetadata
    copy.earlierOrigins = earlierOrigins
    for change in labelChanges {
      copy.labelChanges.append((change.slot, change.value.map { copy.append(bytes[$0]) }))
    }
    for value in values {
      if case .text(let range) = value {
        copy.values.append(.text(copy.append(bytes[range])))
      } else {
        copy.values.append(value)
      }
    }
    for loose in looseValues {
      var value = loose.value
      if case .text(let range) = value { value = .text(copy.append(bytes[range])) }
      copy.looseValues.append((copy.append(bytes[loose.name]), value))
    }
    return copy
  }
}
