import Delivery
import LogSources
import Pipeline
import Synchronization
import WireFormats

/// Accounts of all sources: what reading threads counted, beside what the queue counted.
final class SourceLedger: Sendable {
  /// One source's lines up to the queue.
  struct Account: Hashable, Sendable {
    var counts = SourceTally.Counts()
    var addedLines: UInt64 = 0
    var droppedLines: UInt64 = 0
    var heldLines: UInt64 = 0

    /// Whether every line that was read is somewhere.
    var addsUp: Bool {
      counts.readLines + addedLines
        == droppedLines + counts.leftOutLines + counts.mergedLines + heldLines
        + counts.limitedLines + counts.passedLines
    }
  }

  private struct State {
    /// By reading thread, so that each replaces its own.
    var accounts: [String: [SourceName: Account]] = [:]
    var drops: [String: [DropCount]] = [:]
  }

  private let state = Mutex(State())

  /// Takes what one thread counted, all at one moment between two lines.
  func set(lane: String, _ accounts: [SourceName: Account]) {
    state.withLock { $0.accounts[lane] = accounts }
  }

  func set(job: String, drops: [DropCount]) { state.withLock { $0.drops[job] = drops } }

  /// Files that were renamed and come again under one first name are one source.
  static func accounts(_ tally: SourceTally, _ pipelines: [Pipeline]) -> [SourceName: Account] {
    // A file that two jobs read has two numbers.
    var (added, dropped, held): ([Int64: UInt64], [Int64: UInt64], [Int64: UInt64]) =
      ([:], [:], [:])
    for pipeline in pipelines {
      added.merge(pipeline.addedInputs) { $0 + $1 }
      dropped.merge(pipeline.droppedInputs) { $0 + $1 }
      held.merge(pipeline.heldInputs) { $0 + $1 }
    }
    var accounts = tally.past.mapValues {
      Account(counts: $0.counts, addedLines: $0.addedLines, droppedLines: $0.droppedLines)
    }
    for (source, counts) in tally.snapshot() {
      guard let name = tally.name(of: source) else { continue }
      var account = accounts[name] ?? Account()
      account.counts.add(counts)
      account.addedLines += added[source] ?? 0
      account.droppedLines += dropped[source] ?? 0
      account.heldLines += held[source] ?? 0
      accounts[name] = account
    }
    return accounts
  }

  /// `"sources": […], "drops": […]`.
  func write(to writer: inout JSONWriter, _ totals: [SourceName: SourceTotals]) {
    let state = state.withLock { $0 }
    writer.key("sources")
    writer.beginArray()
    let accounts = state.accounts.values.flatMap { Array($0) }
    for (name, account) in accounts.sorted(by: { $0.key.order < $1.key.order }) {
      let queue = totals[name] ?? SourceTotals()
      writer.beginObject()
      for (key, text) in [("kind", name.kind), ("job", name.job), ("name", name.name)] {
        writer.key(key)
        writer.string(text)
      }
      let counts = account.counts
      for (key, value) in [
        ("read_lines", counts.readLines), ("read_bytes", counts.readBytes),
        ("added_lines", account.addedLines), ("merged_lines", counts.mergedLines),
        ("dropped_lines", account.droppedLines + counts.leftOutLines + counts.limitedLines),
        ("held_lines", account.heldLines), ("passed_lines", counts.passedLines),
        ("passed_bytes", counts.passedBytes), ("queued_lines", queue.queuedLines),
        ("queued_bytes", queue.queuedBytes), ("acknowledged_lines", queue.acknowledgedLines),
        ("acknowledged_bytes", queue.acknowledgedBytes), ("lost_lines", queue.lostLines),
        ("damaged_lines", queue.damagedLines),
      ] {
        writer.key(key)
        writer.uint(value)
      }
      writer.key("adds_up")
      writer.bool(account.addsUp)
      writer.endObject()
    }
    writer.endArray()
    writer.key("drops")
    writer.beginArray()
    for (job, drops) in state.drops.sorted(by: { $0.key < $1.key }) {
      for drop in drops {
        writer.beginObject()
        writer.key("job")
        writer.string(job)
        writer.key("reason")
        writer.string(drop.reason)
        writer.key("lines")
        writer.uint(drop.lines)
        writer.key("bytes")
        writer.uint(drop.bytes)
        writer.endObject()
      }
    }
    writer.endArray()
  }
}

extension SourceName {
  fileprivate var order: (String, String, String) { (job, kind, name) }
}

extension Pipeline {
  /// Lines that are held now, by their source's number.
  fileprivate var heldInputs: [Int64: UInt64] {
    guard holdsLines else { return [:] }
    var held: [Int64: UInt64] = [:]
    heldOrigins { held[$0.source, default: 0] += 1 }
    return held
  }
}
