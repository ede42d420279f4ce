package import Bytes
import LinuxIO

/// One source of lines, for accounts: a file, a unit of the journal, a listener.
package struct SourceName: Hashable, Sendable {
  /// `file`, `unit`, or the kind of the receiver.
  package var kind: String
  @ByteText package var job: String
  /// The path under which a file was first seen, or the unit; empty for a receiver.
  @ByteText package var name: String

  package init(kind: String, job: String, name: String) {
    self.kind = kind
    self.job = job
    self.name = name
  }
}

/// How much of one source a record holds.
package struct SourceShare: Hashable, Sendable {
  package var source: SourceName
  package var lines: UInt64
  package var bytes: UInt64

  package init(source: SourceName, lines: UInt64, bytes: UInt64) {
    self.source = source
    self.lines = lines
    self.bytes = bytes
  }
}

/// What became of one source's lines in the queue since the start.
package struct SourceTotals: Hashable, Sendable {
  /// Durable in the queue.
  package var queuedLines: UInt64 = 0
  package var queuedBytes: UInt64 = 0
  /// Taken, or refused and set aside, by every destination.
  package var acknowledgedLines: UInt64 = 0
  package var acknowledgedBytes: UInt64 = 0
  /// Dropped since the queue was full, for one destination at least.
  package var lostLines: UInt64 = 0
  /// In records that could not be read again, for one destination at least, and not lost before.
  package var damagedLines: UInt64 = 0

  package init() {}
}

/// Keeps account of the queue's records of this run, by source and by destination.
struct QueueLedger {
  /// What a record comes to; the greatest of several destinations' counts.
  enum Fate: Int {
    case acknowledged, damaged, lost
  }

  private struct Record {
    var sequence: UInt64
    var lines: UInt64
    var shares: [SourceShare]
    var fate = Fate.acknowledged
  }

  private var records = Deque<Record>()
  /// Lines of records that all destinations are past.
  private var settledLines: UInt64 = 0
  private(set) var queuedLines: UInt64 = 0
  private(set) var totals: [SourceName: SourceTotals] = [:]

  /// Sources beyond this many are told together.
  private static let sourcesMax = 10_000

  /// A record became durable.
  mutating func queued(_ sequence: UInt64, lines: Int, shares: [SourceShare]) {
    guard lines > 0 else { return }
    queuedLines += UInt64(lines)
    records.append(Record(sequence: sequence, lines: UInt64(lines), shares: shares))
    for share in shares {
      change(share.source) {
        $0.queuedLines += share.lines
        $0.queuedBytes += share.bytes
      }
    }
  }

  /// Records that a destination will not get.
  mutating func mark(_ sequences: ClosedRange<UInt64>, _ fate: Fate) {
    records.changeEach { record in
      guard sequences.contains(record.sequence), record.fate.rawValue < fate.rawValue else {
        return
      }
      record.fate = fate
    }
  }

  /// All destinations are past `sequence`.
  mutating func settled(through sequence: UInt64) {
    while let record = records.first, record.sequence <= sequence {
      _ = records.popFirst()
      settledLines += record.lines
      for share in record.shares {
        change(share.source) {
          switch record.fate {
          case .acknowledged:
            $0.acknowledgedLines += share.lines
            $0.acknowledgedBytes += share.bytes
          case .damaged: $0.damagedLines += share.lines
          case .lost: $0.lostLines += share.lines
          }
        }
      }
    }
  }

  /// New lines that were dropped before they came into the queue.
  mutating func lost(_ shares: [SourceShare]) {
    for share in shares { change(share.source) { $0.lostLines += share.lines } }
  }

  /// Lines of this run in records with these numbers, as far as not all destinations are past them.
  func lines(in sequences: ClosedRange<UInt64>) -> UInt64 {
    records.sum { sequences.contains($0.sequence) ? $0.lines : 0 }
  }

  /// Lines of this run that a destination is past, which has acknowledged up to `sequence`.
  func handledLines(through sequence: UInt64) -> UInt64 {
    settledLines + lines(in: 0...sequence)
  }

  private mutating func change(_ source: SourceName, _ body: (inout SourceTotals) -> Void) {
    var key = source
    if totals[key] == nil, totals.count >= Self.sourcesMax { key.name = "(others)" }
    body(&totals[key, default: SourceTotals()])
  }
}

extension Deque {
  /// The sum of a figure over all elements.
  fileprivate func sum(_ figure: (Element) -> UInt64) -> UInt64 {
    var sum: UInt64 = 0
    forEach { sum += figure($0) }
    return sum
  }
}
