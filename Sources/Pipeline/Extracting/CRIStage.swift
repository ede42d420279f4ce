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

  func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
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
final class PartialLinesStage: HoldingStage {
  private let partialLinesMax: Int
  /// Bytes; nil for no limit.
  private let lineBytesMax: Int?
  private let flags: Int
  private var held: [(key: LabelKey, entry: StageEntry)] = []
  private var key = LabelKey()

  /// A partial line that grows beyond this goes on although it is not complete.
  private static let heldBytesMax = 16 << 20

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

  func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    entry.writeKey(&key)
    let isPartial =
      if case .text(let range) = entry[flags] {
        entry.bytes[range].elementsEqual("P".utf8)
      } else { false }
    let index = held.firstIndex { $0.key == key }
    if isPartial, held.count >= partialLinesMax {
      // As in Promtail, whatever is held goes on as it is, and this line begins anew.
      let others = held.map(\.entry)
      truncate(&entry)
      held = [(key, entry)]
      return .replace(others)
    }
    if let index {
      join(held[index].entry, &entry)
      held.remove(at: index)
    }
    if isPartial || index != nil { truncate(&entry) }
    guard isPartial, entry.line.count < PartialLinesStage.heldBytesMax else { return .proceed }
    held.append((key, entry))
    return .hold
  }

  private func join(_ earlier: StageEntry, _ entry: inout StageEntry) {
    let text = earlier.bytes[earlier.line] + entry.bytes[entry.line]
    entry.line = entry.append(text)
    entry.earlierOrigins = earlier.earlierOrigins + [earlier.origin] + entry.earlierOrigins
  }

  private func truncate(_ entry: inout StageEntry) {
    guard let lineBytesMax, entry.line.count > lineBytesMax else { return }
    entry.line = entry.line.lowerBound..<(entry.line.lowerBound + lineBytesMax)
  }

  /// Partial lines wait for their end however long it takes.
  var nextDeadline: Int64? { nil }

  func expired(now: Int64) -> [StageEntry] { [] }

  func flushed() -> [StageEntry] {
    defer { held = [] }
    return held.map(\.entry)
  }

  /// Promtail forgets partial lines.
  func stopped() -> [StageEntry] { [] }

  func heldOrigins(_ visit: (LineOrigin) -> Void) {
    for (_, entry) in held {
      entry.earlierOrigins.forEach(visit)
      visit(entry.origin)
    }
  }
}
