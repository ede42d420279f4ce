package import LinuxIO
import Synchronization

/// A log of records that are durable before anybody is told so.
///
/// Appends from any number of tasks are gathered by one thread into one write and one fdatasync
/// (group commit): while a commit is under way, the next one fills up. A commit that fails fails
/// its appends and poisons the file: nothing is written to it again, and the next commit begins
/// a new file. Files are released by sequence once their records are kept elsewhere.
package final class WriteAheadLog: Sendable {
  /// Told whether a record is durable; called on the log's own thread and must be quick.
  package typealias Completion = @Sendable (Result<UInt64, StorageError>) -> Void

  package struct Configuration: Hashable, Sendable {
    /// Room that is set aside for a file at once.
    package var fileBytes = 64 << 20
    /// A commit takes no more than this, one record excepted.
    package var commitBytesMax = 1 << 20
    /// Appends beyond this many waiting bytes are refused as overload.
    package var pendingBytesMax = 256 << 20

    package init() {}
  }

  private struct State {
    var pending: [PendingRecord] = []
    var pendingBytes = 0
    var nextSequence: UInt64
    var isIdle = false
    var isClosing = false
    var shouldRoll = false
    var closed: [ClosedWALFile]
    var releasedThrough: UInt64
    var thread: LinuxThread?
  }

  private let state: Mutex<State>
  private let signal: ThreadSignal
  private let configuration: Configuration
  private let files: WALFiles

  private init(
    _ files: WALFiles, _ configuration: Configuration, _ recovery: WALRecovery,
    _ releasedThrough: UInt64
  ) throws(StorageError) {
    signal = try storing("starting the write-ahead log") { () throws(SystemError) in
      try ThreadSignal()
    }
    self.files = files
    self.configuration = configuration
    state = Mutex(
      State(
        nextSequence: recovery.lastSequence + 1, closed: recovery.files,
        releasedThrough: releasedThrough))
  }

  /// Opens the log in `folder`, which exists, and hands over what is in it and not released.
  ///
  /// `replay` is called in sequence, on the caller's thread; what it throws ends the opening.
  package static func open(
    folder: String, setAsideFolder: String, fileSystem: any FileSystem,
    configuration: Configuration = Configuration(), releasedThrough: UInt64,
    replay: (WALRecord) throws(StorageError) -> Void
  ) throws(StorageError) -> (log: WriteAheadLog, recovery: WALRecovery) {
    let setAside = SetAsideFolder(folder: setAsideFolder, fileSystem: fileSystem)
    let recovery = try WALReplay(
      folder: folder, setAside: setAside, fileSystem: fileSystem,
      releasedThrough: releasedThrough
    ).run(replay)
    let files = WALFiles(
      folder: folder, fileSystem: fileSystem, fileBytes: configuration.fileBytes)
    let log = try WriteAheadLog(files, configuration, recovery, releasedThrough)
    let durable = recovery.lastSequence
    let thread = try storing("starting the write-ahead log") { () throws(SystemError) in
      try LinuxThread.start(name: "wal-commit") { log.serve(durable: durable) }
    }
    log.state.withLock { $0.thread = thread }
    return (log, recovery)
  }

  // MARK: appending

  /// Appends one record whose payload is `parts` one after another, and returns its sequence
  /// once it is durable.
  nonisolated(nonsending)
    package func append(kind: UInt8, parts: [[UInt8]]) async throws(StorageError) -> UInt64
  {
    let result: Result<UInt64, StorageError> = await withUnsafeContinuation { continuation in
      do throws(StorageError) {
        try enqueue(kind: kind, parts: parts) { continuation.resume(returning: $0) }
      } catch {
        continuation.resume(returning: .failure(error))
      }
    }
    return try result.get()
  }

  /// Puts a record into the next commit and returns its sequence; `completion` tells the rest.
  ///
  /// Throws at once, without calling `completion`, when the record cannot be taken.
  @discardableResult
  package func enqueue(kind: UInt8, parts: [[UInt8]], completion: @escaping Completion)
    throws(StorageError) -> UInt64
  {
    precondition(
      kind != WALFormat.endKind && kind != WALFormat.gapKind,
      "the kinds 0 and 255 are the log's own")
    let length = parts.reduce(0) { $0 + $1.count }
    guard length <= WALFormat.payloadBytesMax else {
      throw StorageError(
        .tooLarge,
        "a record of \(length) bytes is over the limit of \(WALFormat.payloadBytesMax): send less "
          + "at once")
    }
    let (sequence, wake) = try state.withLock { state throws(StorageError) in
      guard !state.isClosing else {
        throw StorageError(.closed, "the write-ahead log is being closed")
      }
      guard state.pending.isEmpty || state.pendingBytes + length <= configuration.pendingBytesMax
      else {
        throw StorageError(
          .overloaded, "\(state.pendingBytes) bytes wait to be written already; try again later")
      }
      let sequence = state.nextSequence
      state.nextSequence += 1
      state.pending.append(
        PendingRecord(
          kind: kind, sequence: sequence, parts: parts, length: length, completion: completion))
      state.pendingBytes += length
      defer { state.isIdle = false }
      return (sequence, state.isIdle)
    }
    if wake { signal.set() }
    return sequence
  }

  /// The greatest sequence that was given to a record.
  package var lastSequence: UInt64 { state.withLock { $0.nextSequence - 1 } }

  /// Ends the present file after the commit under way, so that it can be released.
  package func roll() {
    state.withLock {
      $0.shouldRoll = true
      $0.isIdle = false
    }
    signal.set()
  }

  // MARK: releasing

  /// Removes the files whose records are all at or below `sequence`: they are kept elsewhere,
  /// durably. A file that cannot be removed is tried again the next time.
  package func release(through sequence: UInt64) {
    state.withLock { $0.releasedThrough = max($0.releasedThrough, sequence) }
    removeReleased()
  }

  private func removeReleased() {
    let free: [ClosedWALFile] = state.withLock { state in
      let free = state.closed.filter { $0.lastSequence <= state.releasedThrough }
      state.closed.removeAll { $0.lastSequence <= state.releasedThrough }
      return free
    }
    let left = free.filter { !files.remove($0) }
    if !left.isEmpty { state.withLock { $0.closed += left } }
  }

  /// Files that are complete and not released.
  package var closedFileCount: Int { state.withLock { $0.closed.count } }

  /// Commits what waits, ends the file in order and the thread with it. Blocks; no append may
  /// follow.
  package func close() {
    let thread = state.withLock { state in
      state.isClosing = true
      defer { state.thread = nil }
      return state.thread
    }
    signal.set()
    thread?.join()
  }

  // MARK: the thread

  private enum Turn {
    case commit([PendingRecord], roll: Bool)
    case sleep, end
  }

  private func serve(durable: UInt64) {
    var writer = WALWriter(files: files, durable: durable)
    while true {
      switch nextTurn() {
      case .sleep: signal.wait()
      case .commit(let records, let roll):
        if roll { keep(writer.finishFile()) }
        keep(writer.commit(records))
      case .end:
        keep(writer.end(sequence: lastSequence + 1))
        return
      }
    }
  }

  private func nextTurn() -> Turn {
    state.withLock { state in
      guard !state.pending.isEmpty || state.shouldRoll else {
        state.isIdle = true
        return state.isClosing ? .end : .sleep
      }
      var bytes = 0
      var count = 0
      for record in state.pending {
        if count > 0, bytes + record.length > configuration.commitBytesMax { break }
        bytes += record.length
        count += 1
      }
      let records = Array(state.pending[..<count])
      state.pending.removeFirst(count)
      state.pendingBytes -= bytes
      defer { state.shouldRoll = false }
      return .commit(records, roll: state.shouldRoll)
    }
  }

  private func keep(_ files: [ClosedWALFile]) {
    guard !files.isEmpty else { return }
    state.withLock { $0.closed += files }
    removeReleased()
  }
}

/// A record on its way to a commit.
struct PendingRecord: Sendable {
  var kind: UInt8
  var sequence: UInt64
  var parts: [[UInt8]]
  var length: Int
  var completion: WriteAheadLog.Completion
}
