package import LinuxIO
import Synchronization
import TelemetryModel

/// A store of rows of one kind: WAL, heads in memory, immutable segments, and the catalog.
///
/// An append is durable when it returns. Rows are in the head at once, and in a segment after a
/// flush, which goes on behind the appends. Two threads of its own do the work: one commits the
/// WAL, one flushes and looks after retention and the disk.
package final class StorageEngine<Head: StoreHead>: Sendable {
  /// A head, and the appends that are under way to it.
  struct HeadSlot {
    let head: Head
    let generation: UInt64
    var appendsUnderWay = 0
    /// When the first append came.
    var begun: MonotonicTime?
    /// No record of this head has a greater sequence; known once it is sealed.
    var lastSequence: UInt64 = 0
  }

  struct State {
    var active: HeadSlot
    /// The head that is being flushed: it gets no new appends.
    var sealed: HeadSlot?
    /// How much of that is written already, 0 to 1.
    var flushedShare = 0.0
    /// By oldest row, then by id.
    var segments: [Segment]
    /// All that were not cancelled.
    var deletes: DeleteRequests
    /// Segments that somebody is about to take out of the store, by a merge, by retention or by a
    /// repair: what another one has claimed is left to it.
    var claimed: Set<UInt64> = []
    /// What else the engine's thread is asked for.
    var jobs: [EngineJob] = []
    var walByteCount = 0
    var waitingAppends: [UnsafeContinuation<Void, Never>] = []
    var flushRequests: [UnsafeContinuation<StorageError?, Never>] = []
    var checkRequests: [UnsafeContinuation<Void, Never>] = []
    var isClosing = false
    /// Why appends are refused: the disk has too little room.
    var refusal: String?
    var flushFailure: StorageError?
    var statistics: StorageStatistics
  }

  package let configuration: StorageConfiguration
  let fileSystem: any FileSystem
  let clock: any WallClock
  let catalog: any Catalog
  let wal: WriteAheadLog
  let shelf: SegmentShelf
  let makeHead: @Sendable () -> Head
  let state: Mutex<State>
  let signal: ThreadSignal
  let metrics: StorageMetrics
  let log: Log
  /// Held from a change of the catalog to the change of the state that belongs to it.
  let turn = Mutex<Void>(())
  let compactionSignal: ThreadSignal
  private let lock: any FileLock
  private let threads = Mutex<[LinuxThread]>([])

  init(
    _ opened: consuming OpenedStore<Head>, lock: any FileLock, signal: ThreadSignal,
    compactionSignal: ThreadSignal
  ) {
    self.compactionSignal = compactionSignal
    configuration = opened.configuration
    fileSystem = opened.fileSystem
    clock = opened.clock
    catalog = opened.catalog
    wal = opened.wal
    shelf = opened.shelf
    makeHead = opened.makeHead
    metrics = opened.metrics
    log = opened.log
    self.lock = lock
    self.signal = signal
    state = Mutex(
      State(
        active: HeadSlot(
          head: opened.head, generation: 0,
          begun: opened.head.rowCount > 0 ? opened.clock.monotonic() : nil),
        segments: opened.segments, deletes: DeleteRequests(opened.tombstones),
        statistics: opened.statistics))
    showSegments()
  }

  /// Opens the store in its folder, made if absent, and recovers what is durable in it.
  ///
  /// Throws ``StorageError/Code/inUse`` when another process has the folder, and
  /// ``StorageError/Code/unknownVersion`` for files of another version of the program. Damage
  /// is worked around: see ``StorageStatistics/findings``.
  package static func open(
    _ configuration: StorageConfiguration, fileSystem: any FileSystem, clock: any WallClock,
    makeHead: @escaping @Sendable () -> Head
  ) async throws(StorageError) -> StorageEngine<Head> {
    let result: Result<StorageEngine<Head>, StorageError> = await withUnsafeContinuation {
      continuation in
      do throws(SystemError) {
        // A thread of its own: reading a log blocks for as long as it takes.
        try LinuxThread.startDetached(name: "store-open") {
          do throws(StorageError) {
            let engine = try openBlocking(configuration, fileSystem, clock, makeHead)
            continuation.resume(returning: .success(engine))
          } catch {
            continuation.resume(returning: .failure(error))
          }
        }
      } catch {
        continuation.resume(
          returning: .failure(StorageError(error, while: "opening \(configuration.folder)")))
      }
    }
    return try result.get()
  }

  private static func openBlocking(
    _ configuration: StorageConfiguration, _ fileSystem: any FileSystem, _ clock: any WallClock,
    _ makeHead: @escaping @Sendable () -> Head
  ) throws(StorageError) -> StorageEngine<Head> {
    let layout = StoreLayout(folder: configuration.folder)
    let lock = try StoreLock.take(layout, fileSystem)
    do throws(StorageError) {
      let (signal, compactionSignal) = try storing("opening \(layout.folder)") {
        () throws(SystemError) in (try ThreadSignal(), try ThreadSignal())
      }
      let opening = StoreOpening(
        configuration: configuration, layout: layout, fileSystem: fileSystem, clock: clock,
        makeHead: makeHead)
      let engine = StorageEngine(
        try opening.run(), lock: lock, signal: signal, compactionSignal: compactionSignal)
      try engine.startThreads()
      return engine
    } catch {
      lock.release()
      throw error
    }
  }

  private func startThreads() throws(StorageError) {
    do throws(SystemError) {
      let flush = try LinuxThread.start(name: "store-flush") { [self] in serve() }
      threads.withLock { $0.append(flush) }
      guard configuration.compactionShare > 0 else { return }
      let compaction = try LinuxThread.start(name: "store-compact") { [self] in
        LinuxThread.lowerPriority()
        serveCompaction()
      }
      threads.withLock { $0.append(compaction) }
    } catch {
      state.withLock { $0.isClosing = true }
      signal.set()
      for thread in threads.withLock({ $0 }) { thread.join() }
      wal.close()
      catalog.close()
      throw StorageError(error, while: "opening \(configuration.folder)")
    }
  }

  // MARK: reading

  /// All durable rows, each in exactly one place. Cheap; hold it no longer than a question takes.
  package func snapshot() -> StoreSnapshot<Head> {
    state.withLock { state in
      let heads = (state.sealed.map { [$0.head] } ?? []) + [state.active.head]
      return StoreSnapshot(
        heads: heads, segments: state.segments, tombstones: state.deletes.pending)
    }
  }

  package var statistics: StorageStatistics {
    let (heads, segments, base) = state.withLock { state in
      var base = state.statistics
      base.refusal = state.refusal
      base.flushFailure = state.flushFailure?.message
      base.walByteCount = state.walByteCount
      base.pendingDeleteCount = state.deletes.pending.count
      return (
        (state.sealed.map { [$0.head] } ?? []) + [state.active.head], state.segments, base
      )
    }
    var statistics = base
    for head in heads {
      statistics.headRowCount += head.rowCount
      statistics.headMemoryByteCount += head.memoryByteCount
    }
    statistics.segmentCount = segments.count
    for segment in segments {
      statistics.segmentRowCount += segment.summary.rowCount
      statistics.segmentByteCount += segment.record.byteCount
      statistics.rawByteCount += segment.summary.rawByteCount
      let (oldest, newest) = (segment.summary.oldest, segment.summary.newest)
      statistics.oldest = min(statistics.oldest ?? oldest, oldest)
      statistics.newest = max(statistics.newest ?? newest, newest)
    }
    return statistics
  }

  // MARK: asking the engine's thread

  /// Returns when all rows that were appended before are in segments.
  nonisolated(nonsending)
    package func flush() async throws(StorageError)
  {
    let failure: StorageError? = await withUnsafeContinuation { continuation in
      let isClosing = state.withLock { state in
        if !state.isClosing { state.flushRequests.append(continuation) }
        return state.isClosing
      }
      if isClosing {
        continuation.resume(returning: StorageError(.closed, "the store is closed"))
      } else {
        signal.set()
      }
    }
    if let failure { throw failure }
  }

  /// Looks after retention and the disk's room now. It is done every so often anyway.
  nonisolated(nonsending)
    package func maintain() async
  {
    await withUnsafeContinuation { continuation in
      let isClosing = state.withLock { state in
        if !state.isClosing { state.checkRequests.append(continuation) }
        return state.isClosing
      }
      if isClosing { continuation.resume() } else { signal.set() }
    }
  }

  /// Ends the store: appends under way finish, the log is durable, the threads end, and the
  /// folder is free. Rows of the head stay in the log; call ``flush()`` before to have them in
  /// segments. A second call returns at once.
  nonisolated(nonsending)
    package func close() async
  {
    let threads = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    guard !threads.isEmpty else { return }
    state.withLock { $0.isClosing = true }
    signal.set()
    compactionSignal.set()
    await withUnsafeContinuation { continuation in
      let end: @Sendable () -> Void = { [self] in
        for thread in threads { thread.join() }
        wal.close()
        catalog.close()
        lock.release()
        continuation.resume()
      }
      do throws(SystemError) {
        try LinuxThread.startDetached(name: "store-close", end)
      } catch {
        end()
      }
    }
  }

  /// Shows what is in use after it has changed.
  func showSegments() {
    let statistics = statistics
    metrics.segments.set(statistics.segmentCount)
    metrics.segmentBytes.set(statistics.segmentByteCount)
    metrics.segmentRows.set(statistics.segmentRowCount)
    metrics.rawBytes.set(statistics.rawByteCount)
    metrics.headBytes.set(statistics.headMemoryByteCount)
    metrics.headRows.set(statistics.headRowCount)
    metrics.walBytes.set(statistics.walByteCount)
    metrics.pendingDeletes.set(statistics.pendingDeleteCount)
    metrics.quarantinedPages.set(statistics.quarantinedPageCount)
    metrics.quarantinedSegments.set(statistics.quarantinedSegmentCount)
    metrics.refusingWrites.set(statistics.refusal == nil ? 0 : 1)
    metrics.flushIsFailing.set(statistics.flushFailure == nil ? 0 : 1)
  }

  /// The order in which segments are kept.
  static func isBefore(_ a: Segment, _ b: Segment) -> Bool {
    a.summary.oldest == b.summary.oldest
      ? a.id < b.id : a.summary.oldest < b.summary.oldest
  }
}
