import LinuxIO
import Synchronization

/// One destination's way through the queue; for one task at a time.
///
/// Starts after what the destination has acknowledged. Every call may block on the disk.
package struct QueueReader {
  private let queue: DiskQueue
  private let key: String
  private var reader: (segment: UInt64, reader: SegmentReader)?
  private var next: UInt64

  package init(_ queue: DiskQueue, key: String) {
    self.queue = queue
    self.key = key
    next = queue.state.withLock { $0.acknowledged[key] ?? $0.durable } + 1
  }

  /// The next record that has bodies, and its number; nil when there is none now.
  package mutating func take() throws(DeliveryError) -> (record: QueueRecord, sequence: UInt64)? {
    do throws(SystemError) {
      while let (record, sequence) = try step() {
        if record.bodies.isEmpty {
          queue.acknowledge(sequence, by: key, isWritten: false)
        } else if isTaken(sequence) {
          return (record, sequence)
        }
      }
      return nil
    } catch {
      reader = nil
      throw .system(error)
    }
  }

  /// Notes that a record is on its way; false when it was dropped before, and counted as lost.
  private func isTaken(_ sequence: UInt64) -> Bool {
    queue.state.withLock { state in
      guard sequence > state.acknowledged[key] ?? 0 else { return false }
      state.inFlight[key] = DiskQueue.Flight(sequence: sequence)
      return true
    }
  }

  /// Ends the way of a record that was taken and is not sent: it stays in the queue, or is lost
  /// where it was dropped meanwhile.
  package func giveUp(_ record: QueueRecord, _ sequence: UInt64) {
    let isLost = queue.state.withLock { state in
      guard let flight = state.inFlight.removeValue(forKey: key), flight.sequence == sequence,
        sequence <= state.acknowledged[key] ?? 0
      else { return false }
      let lines = UInt64(record.ownEntries)
      state.counters.dropped[key, default: 0] += lines
      if !flight.isCountedLost {
        state.counters.droppedEntries += lines
        state.counters.droppedRecords += 1
        for other in state.inFlight.keys where state.inFlight[other]?.sequence == sequence {
          state.inFlight[other]?.isCountedLost = true
        }
      }
      state.ledger.mark(sequence...sequence, .lost)
      state.settleLedger()
      return true
    }
    guard isLost else { return }
    queue.log.error(
      "a batch was not sent before its place in the full queue was taken",
      ["client": key, "lines": record.ownEntries])
  }

  /// Waits for a record after the last one taken; false when the queue was closed.
  package func wait() async -> Bool {
    await queue.waitForRecord(after: next - 1)
    return !queue.state.withLock { $0.isClosed }
  }

  /// Notes that everything up to `sequence` need not be sent again.
  package func acknowledge(_ sequence: UInt64) {
    queue.acknowledge(sequence, by: key, isWritten: true)
  }

  private struct View {
    var durable: UInt64
    var segment: UInt64?
    var following: UInt64?
  }

  private func view() -> View {
    queue.state.withLock { state in
      let index = state.segments.lastIndex { $0.first <= next } ?? state.segments.indices.first
      guard let index else { return View(durable: state.durable) }
      let after = index + 1 < state.segments.count ? state.segments[index + 1].first : nil
      return View(
        durable: state.durable, segment: state.segments[index].first, following: after)
    }
  }

  private mutating func step() throws(SystemError) -> (QueueRecord, UInt64)? {
    while true {
      let view = view()
      guard next <= view.durable, let segment = view.segment else { return nil }
      // Older ones were dropped to make room.
      next = max(next, segment)
      let last = min(view.durable, view.following.map { $0 - 1 } ?? .max)
      if next > last { continue }
      if reader?.segment != segment {
        let path = "\(queue.settings.folder)/\(QueueFormat.segmentName(segment))"
        guard let opened = try SegmentReader(try queue.fileSystem.open(path, .read)) else {
          damaged(from: next, to: last, segment)
          continue
        }
        reader = (segment, opened)
      }
      guard var current = reader?.reader else { continue }
      switch try current.next() {
      case .record(let record, let sequence):
        if sequence > last {
          // Written by an attempt that failed; what counts stands in the following segment.
          next = last + 1
          continue
        }
        reader = (segment, current)
        guard sequence >= next else { continue }
        if sequence > next { damaged(from: next, to: sequence - 1, segment) }
        next = sequence + 1
        return (record, sequence)
      case .damaged:
        if try current.skipDamage(to: next...last) {
          reader = (segment, current)
        } else {
          damaged(from: next, to: last, segment)
        }
      case .end: damaged(from: next, to: last, segment)
      }
    }
  }

  /// Counts records that cannot be read, and goes on behind them.
  private mutating func damaged(from first: UInt64, to last: UInt64, _ segment: UInt64) {
    queue.state.withLock { state in
      state.counters.damagedRecords += last - first + 1
      // What is not after the acknowledged place was dropped, and is counted as lost.
      let first = max(first, (state.acknowledged[key] ?? 0) + 1)
      guard first <= last else { return }
      state.counters.damaged[key, default: 0] += state.ledger.lines(in: first...last)
      state.ledger.mark(first...last, .damaged)
    }
    queue.log.error(
      "records of the queue are damaged and are passed over",
      [
        "segment": "\(queue.settings.folder)/\(QueueFormat.segmentName(segment))",
        "first": first, "last": last,
      ])
    queue.acknowledge(last, by: key, isWritten: false)
    next = last + 1
  }
}
