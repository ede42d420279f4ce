import Configuration
import LogSources
import TelemetryModel

/// The first part of `cri`: takes `time stdout F content` apart.
final class CRIStage: Stage {
  private let time: Int
  private let stream: Int
  private let flags: Int
  private let content: Int

  init(_ shared: StageResources) {
    time = shared.slots.slot("time")
    stream = shared.slots.slot("stream")
    flags = shared.slots.slot("flags")
    content = shared.slots.slot("content")
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    let line = entry.bytes[entry.line]
    guard let time = word(line, from: line.startIndex),
      let stream = word(line, from: time.upperBound + 1),
      line[stream].elementsEqual("stdout".utf8) || line[stream].elementsEqual("stderr".utf8),
      let flags = word(line, from: stream.upperBound + 1)
    else { return .proceed }
    entry[self.time] = .text(time)
    entry[self.stream] = .text(stream)
    entry[self.flags] = .text(flags)
    entry[content] = .text((flags.upperBound + 1)..<line.endIndex)
    return .proceed
  }

  /// Text without white space that a blank follows.
  private func word(_ line: ArraySlice<UInt8>, from: Int) -> Range<Int>? {
    guard from <= line.endIndex else { return nil }
    let end = line[from...].firstIndex { $0 == 0x20 || (9...13).contains($0) && $0 != 11 }
    guard let end, end > from, line[end] == 0x20 else { return nil }
    return from..<end
  }
}

/// The last part of `cri`: joins lines flagged `P` with the one flagged `F` that ends them.
final class PartialLinesStage: Stage, HoldingStage {
  /// A line that is not whole yet.
  private struct Block {
    let key: LabelKey
    /// The last part, which gives the line its time and labels.
    var entry: StageEntry
    /// All parts' text, cut to the greatest length.
    var text: [UInt8] = []
    /// Where all parts but the last came from.
    var earlierOrigins: [LineOrigin] = []
  }

  private let partialLinesMax: Int
  /// Bytes; nil for no limit.
  private let lineBytesMax: Int?
  private let flags: Int
  private var held: [Block] = []
  /// Parts in all blocks that are held.
  private var heldParts = 0
  private var key = LabelKey()

  /// A partial line that grows beyond this goes on although it is not complete.
  private static let heldBytesMax = 16 << 20
  /// The same when so many parts are held: each is a place that the agent keeps.
  private static let heldPartsMax = 50_000

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    var partials = 0
    var bytes = 0
    var truncates = false
    try section.readWeakly("max_partial_lines", &partials)
    try section.readWeakly("max_partial_line_size", &bytes)
    try section.readWeakly("max_partial_line_size_truncate", &truncates)
    try section.finish()
    partialLinesMax = partials == 0 ? 100 : partials
    // With `max_partial_line_size_truncate` alone nothing of a partial line stays, as in Promtail.
    lineBytesMax = truncates && bytes >= 0 ? bytes : nil
    flags = shared.slots.slot("flags")
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    entry.writeKey(&key)
    let isPartial =
      if case .text(let range) = entry[flags] {
        entry.bytes[range].elementsEqual("P".utf8)
      } else { false }
    if isPartial, held.count >= partialLinesMax {
      // As in Promtail, whatever is held goes on as it is, and this line begins anew.
      let others = flushed()
      hold(entry)
      return .replace(others)
    }
    if let index = held.firstIndex(where: { $0.key == key }) {
      append(entry, to: index)
      guard !isPartial || isFull(held[index]) else { return .hold }
      entry = complete(held.remove(at: index))
    } else if isPartial {
      guard entry.line.count < PartialLinesStage.heldBytesMax,
        heldParts < PartialLinesStage.heldPartsMax
      else {
        truncate(&entry.line)
        return .proceed
      }
      hold(entry)
      return .hold
    }
    return .proceed
  }

  private func hold(_ entry: StageEntry) {
    var block = Block(key: key, entry: entry)
    var line = entry.line
    truncate(&line)
    block.text.append(contentsOf: entry.bytes[line])
    block.earlierOrigins = entry.earlierOrigins
    held.append(block)
    heldParts += Int(entry.inputCount)
  }

  /// Adds a part in place: a line may have very many.
  private func append(_ entry: StageEntry, to index: Int) {
    held[index].earlierOrigins.append(held[index].entry.origin)
    held[index].earlierOrigins.append(contentsOf: entry.earlierOrigins)
    held[index].entry = entry
    var line = entry.line
    if let lineBytesMax {
      line = line.prefix(max(0, lineBytesMax - held[index].text.count))
    }
    held[index].text.append(contentsOf: entry.bytes[line])
    heldParts += Int(entry.inputCount)
  }

  private func isFull(_ block: Block) -> Bool {
    block.text.count >= PartialLinesStage.heldBytesMax
      || heldParts >= PartialLinesStage.heldPartsMax
  }

  /// The block as one entry.
  private func complete(_ block: Block) -> StageEntry {
    heldParts -= 1 + block.earlierOrigins.count
    var entry = block.entry
    entry.line = entry.append(block.text)
    entry.earlierOrigins = block.earlierOrigins
    return entry
  }

  private func truncate(_ line: inout Range<Int>) {
    if let lineBytesMax { line = line.prefix(lineBytesMax) }
  }

  /// Partial lines wait for their end however long it takes.
  var nextDeadline: Int64? { nil }

  func expired(now: Int64) -> [StageEntry] { [] }

  func flushed() -> [StageEntry] {
    defer { held = [] }
    return held.map { complete($0) }
  }

  /// Promtail forgets partial lines.
  func stopped() -> [StageEntry] { [] }

  func heldOrigins(_ visit: (LineOrigin) -> Void) {
    for block in held {
      block.earlierOrigins.forEach(visit)
      visit(block.entry.origin)
    }
  }
}
