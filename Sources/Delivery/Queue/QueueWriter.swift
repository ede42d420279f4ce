import LinuxIO
import LogSources
import Synchronization

/// Makes records durable, on the queue's own thread.
///
/// All records that wait are written together and synced once. After an error nothing is known of
/// the bytes written since the last sync: the segment is left and what is not known to be durable
/// is written again into a new one, under the same numbers.
struct QueueWriter {
  private let queue: DiskQueue
  private var segment: (file: any File, bytes: Int64)?
  private var next: UInt64

  init(_ queue: DiskQueue) {
    self.queue = queue
    next = queue.state.withLock { $0.durable } + 1
  }

  mutating func run() {
    while true {
      var (batch, isClosed) = takeBatch()
      if batch.isEmpty {
        if isClosed { return }
        queue.writerSignal.wait()
        continue
      }
      guard makeRoom(for: &batch), commitUntilDurable(batch) else {
        for one in batch { one.isSettled?(false) }
        return
      }
      for one in batch { one.isSettled?(true) }
    }
  }

  /// Tries until it is done; false when the queue was closed meanwhile.
  private mutating func commitUntilDurable(_ batch: [DiskQueue.Pending]) -> Bool {
    while true {
      do throws(SystemError) {
        try commit(batch)
        return true
      } catch {
        guard pauseAfter(error) else { return false }
      }
    }
  }

  private func takeBatch() -> ([DiskQueue.Pending], isClosed: Bool) {
    let (batch, blocked, isClosed) = queue.state.withLock { state in
      var batch: [DiskQueue.Pending] = []
      var bytes = 0
      while bytes < queue.settings.pendingBytesMax, let one = state.pending.popFirst() {
        bytes += one.payload.count
        batch.append(one)
      }
      state.pendingBytes -= bytes
      defer { state.blocked = [] }
      return (batch, state.blocked, state.isClosed)
    }
    for signal in blocked { signal.set() }
    return (batch, isClosed)
  }

  // MARK: Room

  /// Waits or drops until `batch` fits; false when the queue was closed meanwhile.
  private mutating func makeRoom(for batch: inout [DiskQueue.Pending]) -> Bool {
    var needed = batch.reduce(Int64(0)) { $0 + Int64($1.payload.count + QueueFormat.frameBytes) }
    if (segment?.bytes ?? .max) >= queue.settings.segmentBytes { needed += snapshotBytes }
    while true {
      let (isFull, isEmpty, isClosed) = queue.state.withLock { state in
        let isFull = state.bytes + needed > queue.settings.bytesMax
        let isEmpty = state.settled >= state.durable
        state.isFull = isFull && !isEmpty
        return (isFull, isEmpty, state.isClosed)
      }
      guard isFull else { return true }
      if isEmpty {
        // All is acknowledged: a new segment lets go of the old ones. A batch that is larger than
        // the queue is taken when nothing else is in it.
        leaveSegment()
        return true
      }
      switch queue.settings.whenFull {
      case .dropNewest:
        dropBodies(&batch)
        queue.state.withLock { $0.isFull = false }
        return true
      case .dropOldest: dropOldestSegment()
      case .block:
        if isClosed { return false }
        // One that is away does not hold up another that has everything: it loses its oldest.
        if hasIdleDestination {
          dropOldestSegment()
          continue
        }
        queue.log.warn(
          "the queue is full: reading waits until a destination takes something",
          ["folder": queue.settings.folder, "bytes_max": queue.settings.bytesMax])
        queue.writerSignal.wait(milliseconds: 1000)
      }
    }
  }

  /// Whether a destination among several has acknowledged all there is.
  private var hasIdleDestination: Bool {
    queue.state.withLock { state in
      state.acknowledged.count > 1 && state.acknowledged.values.contains { $0 >= state.durable }
    }
  }

  /// Bytes that a new segment begins with, at most.
  private var snapshotBytes: Int64 {
    queue.positions.reduce(Int64(QueueFormat.headerBytes + QueueFormat.frameBytes + 16)) {
      $0 + Int64($1.key.utf8.count + $1.value.count + 20)
    }
  }

  private func dropBodies(_ batch: inout [DiskQueue.Pending]) {
    var entries = 0
    for index in batch.indices {
      entries += batch[index].record.entries
      let shares = batch[index].shares
      queue.state.withLock { $0.ledger.lost(shares) }
      batch[index].shares = []
      batch[index].record.bodies = []
      batch[index].payload = batch[index].record.encoded()
    }
    let records = batch.count
    queue.state.withLock { state in
      state.counters.droppedEntries += UInt64(entries)
      state.counters.droppedRecords += UInt64(records)
    }
    queue.log.error("the queue is full: new lines were dropped", ["lines": entries])
  }

  private mutating func dropOldestSegment() {
    let (dropped, from, last): (DiskQueue.Segment?, UInt64, UInt64) = queue.state.withLock {
      state in
      guard state.segments.count > 1 else { return (nil, 0, 0) }
      let segment = state.segments.removeFirst()
      return (segment, state.settled + 1, state.segments[0].first - 1)
    }
    guard let dropped else {
      // The one segment has it all: begin another, then this one can go.
      leaveSegment()
      do throws(SystemError) {
        try beginSegment()
      } catch {
        _ = pauseAfter(error)
      }
      return
    }
    let entries = count(dropped, from: from, through: last)
    queue.state.withLock { state in
      state.counters.droppedEntries += UInt64(entries.entries)
      state.counters.droppedRecords += UInt64(entries.records)
      state.ledger.settled(through: last, isLost: true)
      for (key, sequence) in state.acknowledged where sequence < last {
        state.acknowledged[key] = last
        state.counters.dropped[key, default: 0] += UInt64(entries.entries)
      }
    }
    queue.remove(dropped)
    queue.log.error("the queue is full: old lines were dropped", ["lines": entries.entries])
  }

  private func count(
    _ segment: DiskQueue.Segment, from first: UInt64, through last: UInt64
  ) -> (entries: Int, records: Int) {
    var total = (entries: 0, records: 0)
    let path = "\(queue.settings.folder)/\(QueueFormat.segmentName(segment.first))"
    do throws(SystemError) {
      guard var reader = try SegmentReader(try queue.fileSystem.open(path, .read)) else {
        return total
      }
      while case .record(let record, let sequence) = try reader.next(), sequence <= last {
        guard sequence >= first, !record.bodies.isEmpty else { continue }
        total.entries += record.entries
        total.records += 1
      }
    } catch {
      queue.log.warn("a dropped segment could not be counted", ["error": error.message])
    }
    return total
  }

  // MARK: Writing

  private mutating func commit(_ batch: [DiskQueue.Pending]) throws(SystemError) {
    if let current = segment, current.bytes >= queue.settings.segmentBytes { leaveSegment() }
    if segment == nil { try beginSegment() }
    guard let current = segment else { return }
    // One write for all: of records that were written one by one, a power cut can keep a later one
    // and lose one before it.
    var bytes: [UInt8] = []
    bytes.reserveCapacity(
      batch.reduce(0) { $0 + $1.payload.count + QueueFormat.frameBytes })
    var sequence = next
    for pending in batch {
      bytes += QueueFormat.frame(pending.payload, sequence: sequence)
      bytes += pending.payload
      sequence += 1
    }
    try current.file.write(bytes, at: current.bytes)
    try current.file.sync(.data)
    segment = (current.file, current.bytes + Int64(bytes.count))
    next = sequence
    publish(batch, bytes: Int64(bytes.count), durable: sequence - 1)
  }

  private func publish(_ batch: [DiskQueue.Pending], bytes: Int64, durable: UInt64) {
    let readers = queue.state.withLock { state in
      state.durable = durable
      state.segments[state.segments.count - 1].bytes += bytes
      for (index, pending) in batch.enumerated() {
        state.ledger.queued(
          durable + 1 - UInt64(batch.count - index), lines: pending.record.ownEntries,
          shares: pending.shares)
        QueueRecovery.apply(pending.record, to: &state.positions)
        state.counters.appendedEntries += UInt64(pending.record.entries)
      }
      state.counters.appendedBytes += UInt64(bytes)
      state.isFull = false
      defer { state.readers = [:] }
      return state.readers
    }
    for reader in readers.values { reader.resume() }
  }

  private mutating func leaveSegment() { segment = nil }

  /// Makes a new segment with a snapshot of all durable positions, durable itself on return.
  private mutating func beginSegment() throws(SystemError) {
    let folder = queue.settings.folder
    let path = "\(folder)/\(QueueFormat.segmentName(next))"
    // Left by a failed attempt: nothing in it was ever durable.
    if try queue.fileSystem.status(path) != nil { try queue.fileSystem.remove(path) }
    var snapshot = QueueRecord()
    snapshot.isSnapshot = true
    snapshot.positions = queue.positions.sorted { $0.key < $1.key }
      .map { SourcePosition(key: $0.key, value: $0.value) }
    let payload = snapshot.encoded()
    let bytes =
      QueueFormat.magic + QueueFormat.frame(payload, sequence: next) + payload
    let file = try queue.fileSystem.open(path, .create)
    try file.write(bytes, at: 0)
    try file.sync(.data)
    try queue.fileSystem.syncFolder(folder)
    segment = (file, Int64(bytes.count))
    let first = next
    next += 1
    queue.state.withLock { state in
      state.segments.append(DiskQueue.Segment(first: first, bytes: Int64(bytes.count)))
      state.durable = first
      for (key, sequence) in state.acknowledged where sequence + 1 == first {
        // A snapshot has nothing to send.
        state.acknowledged[key] = first
      }
    }
    queue.removeSettledSegments()
  }

  /// Waits before the next attempt; false when the queue was closed.
  private mutating func pauseAfter(_ error: SystemError) -> Bool {
    leaveSegment()
    let isClosed = queue.state.withLock { state in
      state.counters.writeErrors += 1
      next = state.durable + 1
      return state.isClosed
    }
    queue.log.error(
      "the queue cannot be written; reading waits, and it is tried again",
      ["error": error.message])
    if isClosed { return false }
    queue.writerSignal.wait(milliseconds: Int32(queue.settings.retrySeconds * 1000))
    return true
  }
}
