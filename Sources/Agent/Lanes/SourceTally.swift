import Delivery
import LogSources
import Pipeline

/// Counts what one reading thread reads and hands on, by source; for that thread.
///
/// Of each source, read + added = dropped + merged + held + limited + passed holds at any moment
/// between two lines: `added` are lines that a stage made besides the one that it got (the
/// pipeline counts them, as `dropped` and `held`), `merged` those that went into a block with
/// another, `limited` those that `limits_config` took away.
final class SourceTally {
  /// Why `limits_config` takes a line away, by Promtail's names.
  enum Limit: String, CaseIterable {
    case rate = "rate_limited"
    case streams = "stream_limited"
  }

  struct Counts: Hashable, Sendable {
    var readLines: UInt64 = 0
    var readBytes: UInt64 = 0
    var mergedLines: UInt64 = 0
    var limitedLines: UInt64 = 0
    var passedLines: UInt64 = 0
    var passedBytes: UInt64 = 0
    /// Dropped before the stages: entries without text or labels.
    var leftOutLines: UInt64 = 0
    /// Handed on since the last commit.
    fileprivate var newLines: UInt64 = 0
    fileprivate var newBytes: UInt64 = 0
    /// It is among those that handed on something since the last commit.
    fileprivate var isListed = false

    mutating func add(_ other: Counts) {
      readLines += other.readLines
      readBytes += other.readBytes
      mergedLines += other.mergedLines
      limitedLines += other.limitedLines
      passedLines += other.passedLines
      passedBytes += other.passedBytes
      leftOutLines += other.leftOutLines
    }
  }

  /// What is counted of sources that do not come again, under their names.
  struct Past: Hashable, Sendable {
    var counts = Counts()
    var addedLines: UInt64 = 0
    var droppedLines: UInt64 = 0
  }

  private(set) var counts: [Int64: Counts] = [:]
  private(set) var past: [SourceName: Past] = [:]
  /// Sources that handed on something since the last commit, and shares of those that are past.
  private var listed: [Int64] = []
  private var pastShares: [SourceShare] = []
  private var names: [Int64: SourceName] = [:]
  /// The source that was touched last, kept out of the dictionary.
  @exclusivity(unchecked) private var current: Int64 = .min
  @exclusivity(unchecked) private var hot = Counts()
  private var limited: [LimitKey: (lines: UInt64, bytes: UInt64)] = [:]

  private struct LimitKey: Hashable {
    let job: String
    let limit: Limit
  }

  /// Says what a source's number stands for.
  func name(_ source: Int64, _ name: SourceName) { names[source] = name }
  func name(of source: Int64) -> SourceName? { names[source] }

  @inline(__always)
  private func touch(_ source: Int64) {
    guard source != current else { return }
    putBack()
    hot = counts[source] ?? Counts()
    current = source
  }

  private func putBack() {
    guard current != .min else { return }
    if hot.newLines > 0, !hot.isListed {
      hot.isListed = true
      listed.append(current)
    }
    counts[current] = hot
  }

  func read(_ source: Int64, bytes: Int) {
    touch(source)
    hot.readLines &+= 1
    hot.readBytes &+= UInt64(bytes)
  }

  func leftOut(_ source: Int64) {
    touch(source)
    hot.leftOutLines &+= 1
  }

  func passed(_ output: PipelineOutput) {
    came(output)
    hot.passedLines &+= 1
    hot.passedBytes &+= UInt64(output.line.count)
    hot.newLines &+= 1
    hot.newBytes &+= UInt64(output.line.count)
  }

  /// A line came out of the stages and is taken away.
  func limited(_ output: PipelineOutput, _ limit: Limit) {
    came(output)
    hot.limitedLines &+= 1
    let key = LimitKey(job: names[output.origin.source]?.job ?? "", limit: limit)
    limited[key, default: (0, 0)].lines += 1
    limited[key]?.bytes += UInt64(output.line.count)
  }

  /// What was taken away of a job's lines.
  func limitDrops(ofJob job: String) -> [DropCount] {
    Limit.allCases.compactMap { limit in
      limited[LimitKey(job: job, limit: limit)].map {
        DropCount(reason: limit.rawValue, lines: $0.lines, bytes: $0.bytes)
      }
    }
  }

  @inline(__always)
  private func came(_ output: PipelineOutput) {
    let origin = output.origin
    touch(origin.source)
    hot.mergedLines &+= UInt64(output.earlierOrigins.count)
  }

  /// All counts; the thread goes on afterwards.
  func snapshot() -> [Int64: Counts] {
    putBack()
    return counts
  }

  /// What was handed on since the last call, for the record that holds it.
  func takeShares() -> [SourceShare] {
    putBack()
    var shares = pastShares
    pastShares = []
    for source in listed {
      guard let share = takeShare(of: source) else { continue }
      shares.append(share)
    }
    listed.removeAll(keepingCapacity: true)
    if current != .min { hot = counts[current] ?? Counts() }
    return shares
  }

  private func takeShare(of source: Int64) -> SourceShare? {
    guard let one = counts[source] else { return nil }
    counts[source]?.newLines = 0
    counts[source]?.newBytes = 0
    counts[source]?.isListed = false
    guard one.newLines > 0, let name = names[source] else { return nil }
    return SourceShare(source: name, lines: one.newLines, bytes: one.newBytes)
  }

  /// Gives what is counted of a source that does not come again to its name, so that accounts do
  /// not grow with each rotation. None of its lines is held any more.
  func fold(_ source: Int64, addedLines: UInt64, droppedLines: UInt64) {
    putBack()
    if current == source {
      current = .min
      hot = Counts()
    }
    if let share = takeShare(of: source) { pastShares.append(share) }
    let one = counts.removeValue(forKey: source) ?? Counts()
    guard let name = names.removeValue(forKey: source) else { return }
    past[name, default: Past()].counts.add(one)
    past[name]?.addedLines += addedLines
    past[name]?.droppedLines += droppedLines
  }
}
