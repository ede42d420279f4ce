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
      let isDurable = makeRoom(for: &batch) && commitUntilDurable(&batch)
      queue.state.withLock { $0.isWriting = false }
      guard isDurable else {
        for one in batch { one.isSettled?(false) }
        return
      }
      for one in batch { one.isSettled?(true) }
    }
  }

  /// Tries until it is done; false when the queue was closed meanwhile.
  private mutating func commitUntilDurable(_ batch: inout [DiskQueue.Pending]) -> Bool {
    while true {
      do throws(SystemError) {
        try commit(&batch)
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
      let bytesMax = min(
        queue.settings.pendingBytesMax, Int(clamping: queue.settings.bytesMax / 4))
      while batch.isEmpty || bytes < bytesMax, let one = state.pending.popFirst() {
        bytes += one.framed.count
        batch.append(one)
      }
      state.pendingBytes -= bytes
      state.isWriting = !batch.isEmpty
      defer { state.blocked = [] }
      return (batch, state.blocked, state.isClosed)
    }
    for signal in blocked { signal.set() }
    return (batch, isClosed)
  }

  // MARK: Room

  /// Waits or drops until `batch` fits; false when the queue was closed meanwhile.
  private mutating func makeRoom(for batch: inout [DiskQueue.Pending]) -> Bool {
    var needed = batch.reduce(Int64(0)) { $0 + Int64($1.framed.count) }
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
      case .dropOldest:
        guard dropOldestSegment() else { return false }
      case .block:
        if isClosed { return false }
        // One that is away does not hold up another that has everything: it loses its oldest.
        if hasIdleDestination {
          guard dropOldestSegment() else { return false }
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
      entries += batch[index].record.ownEntries
      let shares = batch[index].shares
      queue.state.withLock { $0.ledger.lost(shares) }
      batch[index].shares = []
      batch[index].record.bodies = []
      batch[index].framed = batch[index].record.encoded(behind: QueueFormat.frameBytes)
    }
    let records = batch.count
    queue.state.withLock { state in
      state.counters.droppedEntries += UInt64(entries)
      state.counters.droppedRecords += UInt64(records)
    }
    queue.log.error("the queue is full: new lines were dropped", ["lines": entries])
  }

  /// Removes the oldest segment; false when that failed and the queue was closed.
  private mutating func dropOldestSegment() -> Bool {
    let (dropped, following): (DiskQueue.Segment?, UInt64) = queue.state.withLock { state in
      guard state.segments.count > 1 else { return (nil, 0) }
      return (state.segments.removeFirst(), state.segments[0].first)
    }
    guard let dropped else {
      // The one segment has it all: begin another, then this one can go.
      leaveSegment()
      do throws(SystemError) {
        try beginSegment()
        return true
      } catch {
        return pauseAfter(error)
      }
    }
    let records = records(of: dropped, before: following)
    let lines = queue.state.withLock { $0.drop(records, before: following) }
    queue.remove(dropped)
    if lines > 0 { queue.log.error("the queue is full: old lines were dropped", ["lines": lines]) }
    return true
  }

  /// The records of a segment that have lines, and how many.
  private func records(
    of segment: DiskQueue.Segment, before following: UInt64
  ) -> [(sequence: UInt64, lines: Int)] {
    var records: [(sequence: UInt64, lines: Int)] = []
    let path = "\(queue.settings.folder)/\(QueueFormat.segmentName(segment.first))"
    do throws(SystemError) {
      guard var reader = try SegmentReader(try queue.fileSystem.open(path, .read)) else {
        return records
      }
      while case .record(let record, let sequence) = try reader.next(), sequence < following {
        let lines = record.ownEntries
        if lines > 0 { records.append((sequence, lines)) }
      }
    } catch {
      queue.log.warn("a dropped segment could not be counted", ["error": error.message])
    }
    return records
  }

  // MARK: Writing

  private mutating func commit(_ batch: inout [DiskQueue.Pending]) throws(SystemError) {
    if let current = segment, current.bytes >= queue.settings.segmentBytes { leaveSegment() }
    if segment == nil { try beginSegment() }
    guard let current = segment else { return }
    var sequence = next
    for index in batch.indices {
      QueueFormat.seal(&batch[index].framed, sequence: sequence)
      sequence += 1
    }
    // One write for all: of records that were written one by one, a power cut can keep a later one
    // and lose one before it. Nearly always there is one, which is written as it lies.
    var bytes = batch.first?.framed ?? []
    if batch.count > 1 {
      bytes.reserveCapacity(batch.reduce(0) { $0 + $1.framed.count })
      for pending in batch.dropFirst() { bytes += pending.framed }
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
        state.counters.appendedEntries += UInt64(pending.record.ownEntries)
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
    var framed = snapshot.encoded(behind: QueueFormat.frameBytes)
    QueueFormat.seal(&framed, sequence: next)
    let bytes = QueueFormat.magic + framed
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

extension DiskQueue.State {
  /// Gives up all records before a segment, of which `records` have lines; how many lines are lost
  /// for one destination at least.
  ///
  /// What a destination is sending arrives although its segment is gone.
  fileprivate mutating func drop(
    _ records: [(sequence: UInt64, lines: Int)], before following: UInt64
  ) -> UInt64 {
    var lost: UInt64 = 0
    for (sequence, lines) in records {
      var isLost = false
      for (key, acknowledged) in acknowledged {
        guard sequence > max(acknowledged, inFlight[key]?.sequence ?? 0) else { continue }
        counters.dropped[key, default: 0] += UInt64(lines)
        isLost = true
      }
      guard isLost else { continue }
      for key in inFlight.keys where inFlight[key]?.sequence == sequence {
        inFlight[key]?.isCountedLost = true
      }
      lost += UInt64(lines)
      counters.droppedRecords += 1
      ledger.mark(sequence...sequence, .lost)
    }
    counters.droppedEntries += lost
    // The snapshot that the following segment begins with has nothing to send.
    for (key, sequence) in acknowledged where sequence < following {
      acknowledged[key] = following
    }
    settleLedger()
    return lost
  }
}
