package import LinuxIO
import LogSources
import Synchronization

/// What the queue does with new records when it has no room.
package enum QueueFullPolicy: Hashable, Sendable {
  /// Waits: reading stops until destinations have acknowledged something. Where there are several
  /// and one has everything, the others lose their oldest records instead, so that none holds up
  /// another.
  case block
  /// Forgets the oldest records that were not acknowledged.
  case dropOldest
  /// Forgets the new bodies; their positions advance.
  case dropNewest
}

/// Where the queue lies and how large it may become.
package struct DiskQueueSettings: Hashable, Sendable {
  package var folder: String
  package var bytesMax: Int64 = 1 << 30
  package var whenFull = QueueFullPolicy.block
  package var segmentBytes: Int64 = 16 << 20
  /// Records that wait to be written, in bytes; appending waits beyond it.
  package var pendingBytesMax = 8 << 20
  /// Pause after the disk refused, before it is tried again.
  package var retrySeconds = 1.0

  package init(folder: String) { self.folder = folder }
}

/// Counts since the start, of entries and records; an entry counts once for all destinations.
package struct QueueCounters: Hashable, Sendable {
  package var appendedEntries: UInt64 = 0
  package var appendedBytes: UInt64 = 0
  /// Dropped since the queue was full, for one destination at least.
  package var droppedEntries: UInt64 = 0
  package var droppedRecords: UInt64 = 0
  /// Entries of dropped segments by the destinations that lost them.
  package var dropped: [String: UInt64] = [:]
  package var damagedRecords: UInt64 = 0
  /// Lines of this run in damaged records by the destinations that did not get them.
  package var damaged: [String: UInt64] = [:]
  package var writeErrors: UInt64 = 0
}

/// The agent's durable queue: records of push bodies and source positions on disk, read by each
/// destination at its own pace.
///
/// A record is durable (fdatasync) before any destination sees it, and carries the positions of
/// its sources: after a crash either both are there or neither, so that a line is read again
/// exactly when no destination can have got it. A record is sent with the same bytes until it is
/// acknowledged. Calls may come from any thread; those that say so block.
package final class DiskQueue: Sendable {
  struct Segment: Hashable {
    var first: UInt64
    var bytes: Int64
  }

  struct Pending {
    var record: QueueRecord
    /// As it is written: room for the frame, and the payload.
    var framed: [UInt8]
    var shares: [SourceShare] = []
    /// Told once the record is durable (true), or when it never will be.
    var isSettled: (@Sendable (Bool) -> Void)?
  }

  /// The record that a destination is sending.
  struct Flight {
    var sequence: UInt64
    /// It was dropped meanwhile, and counted as lost for another destination.
    var isCountedLost = false
  }

  struct State {
    var pending = Deque<Pending>()
    /// Whether the writing thread has records that are neither pending nor durable.
    var isWriting = false
    var pendingBytes = 0
    /// Threads that wait to append.
    var blocked: [ThreadSignal] = []
    /// Tasks that wait for records.
    var readers: [UInt64: CheckedContinuation<Void, Never>] = [:]
    var nextReader: UInt64 = 0
    /// Ascending; the last one is written to.
    var segments: [Segment] = []
    /// The last record that is durable.
    var durable: UInt64 = 0
    var acknowledged: [String: UInt64] = [:]
    /// What each destination has taken and not acknowledged. It may stand before the acknowledged
    /// place: its segment was dropped while it was on its way.
    var inFlight: [String: Flight] = [:]
    var positions: [String: [UInt8]] = [:]
    var counters = QueueCounters()
    var ledger = QueueLedger()
    var isFull = false
    var isClosed = false

    var bytes: Int64 { segments.reduce(0) { $0 + $1.bytes } }
    /// What every destination has acknowledged.
    var settled: UInt64 { acknowledged.values.min() ?? durable }

    /// Tells the ledger how far the fate of records is known for all destinations.
    mutating func settleLedger() {
      let known = acknowledged.map { key, sequence in
        inFlight[key].map { min(sequence, $0.sequence - 1) } ?? sequence
      }
      ledger.settled(through: known.min() ?? durable)
    }
  }

  package let settings: DiskQueueSettings
  let fileSystem: any FileSystem
  let state: Mutex<State>
  let writerSignal: ThreadSignal
  let acknowledgements: Mutex<Acknowledgements>
  let log = Log("queue")
  private let lock: any FileLock
  private let writer: Mutex<LinuxThread?> = Mutex(nil)

  /// Opens the queue in its folder, made if absent, and starts its writing thread.
  ///
  /// `destinations` are the keys of all readers; of those that are gone nothing is kept, and new
  /// ones begin with what comes from now on. Throws ``DeliveryError/queueInUse(folder:processID:)``
  /// or ``DeliveryError/system(_:)``. Blocks on the disk.
  package init(
    _ settings: DiskQueueSettings, destinations: [String], fileSystem: any FileSystem
  ) throws(DeliveryError) {
    self.settings = settings
    self.fileSystem = fileSystem
    let outcome: LockOutcome
    do throws(SystemError) {
      try fileSystem.createFolders(settings.folder)
      outcome = try fileSystem.lockFile("\(settings.folder)/\(QueueFormat.lockName)")
    } catch { throw .system(error) }
    let lock: any FileLock
    switch outcome {
    case .locked(let taken): lock = taken
    case .heldBy(let processID):
      throw .queueInUse(folder: settings.folder, processID: processID)
    }
    do throws(SystemError) {
      var recovered = try QueueRecovery.recover(folder: settings.folder, fileSystem)
      var file = try Acknowledgements(
        fileSystem, path: "\(settings.folder)/\(QueueFormat.acknowledgementsName)")
      file.keepOnly(Set(destinations))
      for key in destinations {
        // Without the file nobody knows what was acknowledged: all is sent once more.
        let start = file.wasFound ? recovered.durable : 0
        let sequence = min(file.sequences[key] ?? start, recovered.durable)
        recovered.acknowledged[key] = sequence
        try file.set(sequence, for: key)
      }
      acknowledgements = Mutex(file)
      writerSignal = try ThreadSignal()
      state = Mutex(recovered)
    } catch {
      lock.release()
      throw .system(error)
    }
    self.lock = lock
    removeSettledSegments()
    do throws(SystemError) {
      let thread = try LinuxThread.start(name: "queue") { [self] in
        var writer = QueueWriter(self)
        writer.run()
      }
      writer.withLock { $0 = thread }
    } catch {
      lock.release()
      throw .system(error)
    }
  }

  // MARK: Appending

  /// Hands a record over to be made durable. Blocks while the queue is full; `signal` belongs to
  /// the calling thread. `isSettled` is called once on another thread: with true when the record
  /// is durable, with false when the queue was closed before.
  ///
  /// Throws ``DeliveryError/closed``; then the record counts for nothing.
  package func append(
    _ record: QueueRecord, signal: ThreadSignal, shares: [SourceShare] = [],
    isSettled: (@Sendable (Bool) -> Void)? = nil
  ) throws(DeliveryError) {
    var pending = Pending(
      record: record, framed: record.encoded(behind: QueueFormat.frameBytes), shares: shares,
      isSettled: isSettled)
    // They are in what is written.
    for index in pending.record.bodies.indices { pending.record.bodies[index].bytes = [] }
    enum Outcome { case taken, wait, closed }
    while true {
      let outcome: Outcome = state.withLock { state in
        if state.isClosed { return .closed }
        guard state.pending.isEmpty || state.pendingBytes < settings.pendingBytesMax else {
          state.blocked.append(signal)
          return .wait
        }
        state.pending.append(pending)
        state.pendingBytes += pending.framed.count
        return .taken
      }
      switch outcome {
      case .closed: throw .closed
      case .wait: signal.wait()
      case .taken:
        writerSignal.set()
        return
      }
    }
  }

  /// What is stored of the sources: the newest durable position of each.
  package var positions: [String: [UInt8]] { state.withLock { $0.positions } }

  /// What became of each source's lines since the start.
  package var sourceTotals: [SourceName: SourceTotals] { state.withLock { $0.ledger.totals } }

  /// Lines that came into the queue since the start, and how many of them a destination has
  /// taken, set aside or lost.
  package func account(of key: String) -> (queued: UInt64, handled: UInt64) {
    state.withLock { state in
      let sequence = state.acknowledged[key] ?? 0
      var handled = state.ledger.handledLines(through: sequence)
      if let flight = state.inFlight[key]?.sequence, flight <= sequence {
        handled -= state.ledger.lines(in: flight...flight)
      }
      return (state.ledger.queuedLines, handled)
    }
  }

  package var counters: QueueCounters { state.withLock { $0.counters } }

  /// Bytes on disk.
  package var bytes: Int64 { state.withLock { $0.bytes } }

  /// Whether appending waits for room.
  package var isFull: Bool { state.withLock { $0.isFull } }

  /// Whether everything that was appended is durable and acknowledged by all destinations.
  package var isSettled: Bool {
    state.withLock { $0.pending.isEmpty && !$0.isWriting && $0.settled >= $0.durable }
  }

  /// Records that a destination has still to acknowledge.
  package func backlog(of key: String) -> UInt64 {
    state.withLock { $0.durable - min($0.durable, $0.acknowledged[key] ?? 0) }
  }

  /// Writes what waits, as far as there is room, and stops the writing thread. Blocks.
  package func close() {
    let (blocked, readers) = state.withLock { state in
      state.isClosed = true
      defer {
        state.blocked = []
        state.readers = [:]
      }
      return (state.blocked, state.readers)
    }
    for signal in blocked { signal.set() }
    for reader in readers.values { reader.resume() }
    writerSignal.set()
    let thread = writer.withLock { writer in
      defer { writer = nil }
      return writer
    }
    thread?.join()
    let lost = state.withLock { state in
      var lost: [Pending] = []
      while let one = state.pending.popFirst() { lost.append(one) }
      return lost
    }
    for one in lost { one.isSettled?(false) }
    lock.release()
  }

  // MARK: Acknowledging

  /// Notes that a destination has everything up to `sequence`, and frees what all have.
  ///
  /// Blocks on the disk shortly. Without `isWritten` it is only remembered.
  func acknowledge(_ sequence: UInt64, by key: String, isWritten: Bool) {
    state.withLock { state in
      state.acknowledged[key] = max(state.acknowledged[key] ?? 0, sequence)
      if let flight = state.inFlight[key]?.sequence, flight <= sequence {
        state.inFlight[key] = nil
      }
      state.settleLedger()
    }
    if isWritten {
      acknowledgements.withLock { file in
        do throws(SystemError) {
          try file.set(sequence, for: key)
        } catch {
          log.warn(
            "an acknowledgement could not be written; after a crash it is sent again",
            ["destination": key, "error": error.message])
        }
      }
    }
    if removeSettledSegments() { writerSignal.set() }
  }

  /// Removes segments that every destination is past; true when any was.
  @discardableResult
  func removeSettledSegments() -> Bool {
    let removed: [Segment] = state.withLock { state in
      var removed: [Segment] = []
      while state.segments.count > 1, state.settled &+ 1 >= state.segments[1].first {
        removed.append(state.segments.removeFirst())
      }
      return removed
    }
    for segment in removed { remove(segment) }
    return !removed.isEmpty
  }

  func remove(_ segment: Segment) {
    let path = "\(settings.folder)/\(QueueFormat.segmentName(segment.first))"
    do throws(SystemError) {
      try fileSystem.remove(path)
    } catch {
      log.warn("a segment that is done with could not be removed", ["error": error.message])
    }
  }

  // MARK: Waiting for records

  /// Waits until there is a record after `sequence`, or the queue is closed, or the task is
  /// cancelled.
  func waitForRecord(after sequence: UInt64) async {
    let number = state.withLock { state in
      state.nextReader += 1
      return state.nextReader
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isReady = state.withLock { state in
          if state.durable > sequence || state.isClosed || Task.isCancelled { return true }
          state.readers[number] = continuation
          return false
        }
        if isReady { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.readers.removeValue(forKey: number) }?.resume()
    }
  }
}
