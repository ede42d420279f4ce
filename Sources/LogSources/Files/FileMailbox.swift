import Bytes
import LinuxIO
import Synchronization

/// What discovery tells the reading thread of one job's files, and the reverse.
package final class FileMailbox: Sendable {
  /// How a file was left that is closed.
  package struct Rest: Hashable, Sendable {
    package var size: Int64
    package var modifiedNanoseconds: Int64

    package init(size: Int64, modifiedNanoseconds: Int64) {
      self.size = size
      self.modifiedNanoseconds = modifiedNanoseconds
    }
  }

  /// Files that were seen and were gone before they could be opened.
  package struct Gone: Hashable, Sendable {
    package var files: UInt64 = 0
    package var bytes: UInt64 = 0

    package init() {}
  }

  /// Changed names that wait, at most; beyond, everything counts as changed.
  static let changesMax = 4096

  /// What there is to take.
  struct News: Sendable {
    var arrivals: [FileArrival] = []
    var changedPaths: Set<ByteText> = []
    var everythingChanged = false
    var seen: [FileIdentity: [String]] = [:]
    var scans = 0
    /// All files that there were at a scan have been handed over, once.
    var hasAll = false
    /// The kernel tells of changes in all folders of the job.
    var isWatched = false
    var gone = Gone()
  }

  private struct State {
    var news = News()
    /// Files that the reader has, with the size of those that are closed at their end.
    var known: [FileIdentity: Rest?] = [:]
    /// Files of the last run that were not found yet, by their old path.
    var missing: [FileIdentity: String] = [:]
  }

  private let state = Mutex(State())
  /// Opened files that wait to be taken, at most; others are opened at a later scan.
  private let arrivalsMax: Int

  /// A file that waits is open, so that nothing is lost when it is removed meanwhile:
  /// `arrivalsMax` is to be as large as descriptors allow.
  package init(arrivalsMax: Int = 256) { self.arrivalsMax = arrivalsMax }

  // MARK: The reader's side

  func take() -> News {
    state.withLock { state in
      let news = state.news
      state.news = News(
        scans: state.news.scans, hasAll: state.news.hasAll, isWatched: state.news.isWatched)
      return news
    }
  }

  func publish(known: [FileIdentity: Rest?], missing: [FileIdentity: String]) {
    state.withLock { state in
      state.known = known
      state.missing = missing
      for arrival in state.news.arrivals { state.known[arrival.identity] = .some(nil) }
    }
  }

  // MARK: Discovery's side

  var missing: [FileIdentity: String] { state.withLock { $0.missing } }

  var hasRoom: Bool { state.withLock { $0.news.arrivals.count < arrivalsMax } }

  /// Bytes for which a file has to be opened for the reader: those that it has more than when it
  /// was closed; nil for one that need not be opened.
  func wantedBytes(_ identity: FileIdentity, _ status: FileStatus) -> Int64? {
    state.withLock { state in
      guard let known = state.known[identity] else { return status.size }
      guard let rest = known,
        rest.size != status.size || rest.modifiedNanoseconds != status.modifiedNanoseconds
      else { return nil }
      return status.size >= rest.size ? status.size - rest.size : status.size
    }
  }

  func post(gone: Gone) {
    state.withLock { state in
      state.news.gone.files &+= gone.files
      state.news.gone.bytes &+= gone.bytes
    }
  }

  func post(_ arrival: FileArrival) {
    state.withLock { state in
      state.known[arrival.identity] = .some(nil)
      state.news.arrivals.append(arrival)
    }
  }

  func post(seen: [FileIdentity: [String]]) {
    state.withLock { state in
      state.news.seen = seen
      state.news.scans += 1
    }
  }

  func postHasAll() { state.withLock { $0.news.hasAll = true } }

  func post(isWatched: Bool) { state.withLock { $0.news.isWatched = isWatched } }

  func post(changed paths: Set<ByteText>) {
    state.withLock { state in
      guard state.news.changedPaths.count + paths.count <= Self.changesMax else {
        state.news.changedPaths = []
        state.news.everythingChanged = true
        return
      }
      state.news.changedPaths.formUnion(paths)
    }
  }

  package func postEverythingChanged() { state.withLock { $0.news.everythingChanged = true } }
}

extension FileTailer {
  /// Takes what discovery found and tells it what is known; true when there was anything.
  @discardableResult
  package func exchange(_ mailbox: FileMailbox) -> Bool {
    let news = mailbox.take()
    for (identity, paths) in news.seen { noteSeen(identity, paths: paths) }
    for arrival in news.arrivals { adopt(arrival) }
    if news.everythingChanged { noteChangeOfAll() }
    for path in news.changedPaths { noteChange(path: path.text) }
    isTold = news.isWatched
    hasAll = news.hasAll
    countGone(news.gone)
    if hasUnpublishedChanges || !news.arrivals.isEmpty {
      hasUnpublishedChanges = false
      mailbox.publish(known: knownFiles, missing: missingFiles)
    }
    return !news.arrivals.isEmpty || news.everythingChanged || !news.changedPaths.isEmpty
  }
}
