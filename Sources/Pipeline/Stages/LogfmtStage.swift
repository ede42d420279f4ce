import Bytes
import Configuration
import WireFormats

/// `logfmt`: takes values of logfmt pairs into the extracted map.
final class LogfmtStage: Stage {
  private let source: Int?
  /// Field names and where their values go.
  private let fields: [(name: [UInt8], slot: Int)]

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section()
    guard let mapping = try section.section("mapping"), !mapping.keys.isEmpty else {
      throw section.error("mapping", "is needed: names with logfmt fields")
    }
    source = try section.source().map { shared.slots.slot($0) }
    try section.finish()
    fields = try mapping.texts().map { name, field in
      (Array((field.flatMap { $0.isEmpty ? nil : $0 } ?? name).utf8), shared.slots.slot(name))
    }
  }

  func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    var input = entry.line
    if let source {
      guard let range = entry.text(source) else { return .proceed }
      input = range
    }
    var found: [(slot: Int, value: ExtractedValue)] = []
    var made: [UInt8] = []
    let offset = entry.bytes.count
    entry.withText(input) { text in
      // A record ends with its line, even inside quotes.
      for record in text.split(separator: UInt8(ascii: "\n")) {
        let line = UnsafeRawBufferPointer(rebasing: record)
        let at = input.lowerBound + record.startIndex
        guard read(line, at: at, madeAt: offset, &found, &made) else { return }
      }
    }
    entry.bytes.append(contentsOf: made)
    for (slot, value) in found { entry[slot] = value }
    return .proceed
  }

  /// Reads one record; false at a fault, which ends the whole.
  private func read(
    _ line: UnsafeRawBufferPointer, at: Int, madeAt: Int,
    _ found: inout [(slot: Int, value: ExtractedValue)], _ made: inout [UInt8]
  ) -> Bool {
    var scanner = LogfmtScanner(line)
    while true {
      switch scanner.next() {
      case .end: return true
      case .fault: return false
      case .pair(let pair):
        let key = scanner.bytes(pair.key)
        for field in fields where field.name.count == key.count && field.name.elementsEqual(key) {
          var range = (at + pair.value.lowerBound)..<(at + pair.value.upperBound)
          if pair.hasEscapes {
            let start = madeAt + made.count
            scanner.unescape(pair, into: &made)
            range = start..<(madeAt + made.count)
          }
          found.append((field.slot, .text(range)))
        }
      }
    }
  }
}
