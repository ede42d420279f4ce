import Configuration
import LogSources
import Regex
import TelemetryModel

/// `multiline`: joins lines to blocks, each begun by a line that matches an expression.
///
/// Every stream (set of labels at this stage) has a block of its own, with time, labels and
/// extracted map of its first line. Lines before a stream's first block pass as they are.
final class MultilineStage: Stage, HoldingStage {
  private struct Block {
    /// The first line's entry; its line is the block so far.
    var entry: StageEntry
    /// The block's text.
    var text: [UInt8] = []
    var lines = 0
    var origins: [LineOrigin] = []
    /// When the block is let go of; nil while nothing is held.
    var deadline: Int64?
  }

  private let firstLine: Regex
  private let maxWait: TimeSpan
  /// Lines of a block; 0 for no limit.
  private let maxLines: Int
  /// Whether carriage returns and line feeds at a line's end are left out (Alloy).
  private let trimsLineEnds: Bool
  private var blocks: [LabelKey: Block] = [:]
  private var key = LabelKey()

  /// Streams whose block is empty are forgotten above this many.
  private static let streamsMax = 10_000
  /// A block above this many bytes is let go of although it is not complete.
  private static let blockBytesMax = 16 << 20

  /// Held lines are counted by source after so many more.
  private static let linesPerCount = 25_000
  /// Blocks of a source with more held lines than this are let go of although they are not
  /// complete: their places are stored with each commit. With those that come until the next count
  /// they are fewer than ``FilePosition/heldLinesMax``.
  private static let linesOfSourceMax = FilePosition.heldLinesMax / 2
  private var linesUntilCount = MultilineStage.linesPerCount

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    guard let regex = try section.regex("firstline", weakly: true) else {
      throw section.error("firstline", "is needed")
    }
    firstLine = regex
    var wait = TimeSpan.seconds(3)
    try section.read("max_wait_time", &wait)
    maxWait = wait
    var lines = 128
    try section.readWeakly("max_lines", &lines)
    maxLines = max(0, lines)
    var trims = false
    try section.read("trim_newlines", &trims)
    trimsLineEnds = trims
    try section.finish()
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    entry.writeKey(&key)
    let isFirst = entry.withText(entry.line) { firstLine.matches($0) }
    var out: [StageEntry] = []
    guard isFirst || blocks[key] != nil else { return .proceed }
    var block = blocks[key] ?? Block(entry: entry)
    if blocks[key] == nil { makeRoom() }
    blocks[key] = nil
    if isFirst {
      if let complete = take(&block) { out.append(complete) }
      block.entry = entry
    }
    if !block.text.isEmpty { block.text.append(UInt8(ascii: "\n")) }
    var line = entry.bytes[entry.line]
    while trimsLineEnds, line.last == 0x0a || line.last == 0x0d { line = line.dropLast() }
    block.text.append(contentsOf: line)
    block.lines += 1
    block.origins.append(contentsOf: entry.earlierOrigins)
    block.origins.append(entry.origin)
    block.deadline = shared.monotonicNow &+ maxWait.nanoseconds
    if block.lines == maxLines || block.text.count >= MultilineStage.blockBytesMax,
      let complete = take(&block)
    {
      out.append(complete)
    }
    blocks[key] = block
    linesUntilCount -= 1 + entry.earlierOrigins.count
    if linesUntilCount <= 0 {
      linesUntilCount = MultilineStage.linesPerCount
      out += takeCrowded()
    }
    return out.isEmpty ? .hold : .replace(out)
  }

  /// Blocks of sources of which too many lines are held.
  private func takeCrowded() -> [StageEntry] {
    var counts: [Int64: Int] = [:]
    heldOrigins { counts[$0.source, default: 0] += 1 }
    let crowded = Set(counts.filter { $0.value > MultilineStage.linesOfSourceMax }.keys)
    guard !crowded.isEmpty else { return [] }
    return takeAll { block in block.origins.contains { crowded.contains($0.source) } }
  }

  /// The block as one entry, which it begins anew; nil when it has no text.
  ///
  /// A block of empty lines alone stays and goes on counting, as in Promtail; its lines are
  /// covered by the block that follows.
  private func take(_ block: inout Block) -> StageEntry? {
    block.deadline = nil
    guard !block.text.isEmpty, let last = block.origins.popLast() else { return nil }
    var entry = block.entry
    entry.line = entry.append(block.text)
    entry.structuredMetadata = []
    entry.origin = last
    entry.earlierOrigins = block.origins
    block.text = []
    block.origins = []
    block.lines = 0
    return entry
  }

  private func makeRoom() {
    guard blocks.count >= MultilineStage.streamsMax else { return }
    blocks = blocks.filter { !$0.value.origins.isEmpty }
  }

  var nextDeadline: Int64? { blocks.values.compactMap(\.deadline).min() }

  func expired(now: Int64) -> [StageEntry] {
    takeAll { block in block.deadline.map { $0 <= now } ?? false }
  }

  func flushed() -> [StageEntry] { takeAll { _ in true } }

  private func takeAll(_ isDue: (Block) -> Bool) -> [StageEntry] {
    var out: [(deadline: Int64, entry: StageEntry)] = []
    for (key, var block) in blocks where isDue(block) {
      let deadline = block.deadline ?? 0
      if let entry = take(&block) { out.append((deadline, entry)) }
      blocks[key] = block
    }
    return out.sorted { $0.deadline < $1.deadline }.map(\.entry)
  }

  func heldOrigins(_ visit: (LineOrigin) -> Void) {
    for block in blocks.values { block.origins.forEach(visit) }
  }
}
