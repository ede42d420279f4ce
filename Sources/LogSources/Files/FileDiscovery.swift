import Bytes
package import Compression
package import LinuxIO

/// One target's patterns: what `__path__` and `__path_exclude__` say, made absolute.
package struct FilePatterns: Hashable, Sendable {
  package var include: GlobPattern
  package var exclude: GlobPattern?

  /// Throws ``LogSourcesError/malformedGlob(pattern:reason:)`` or ``LogSourcesError/system(_:)``.
  package init(include: String, exclude: String? = nil) throws(LogSourcesError) {
    self.include = try GlobPattern(try Self.absolute(include))
    self.exclude = try exclude.map { (text) throws(LogSourcesError) in
      try GlobPattern(try Self.absolute(text))
    }
  }

  private static func absolute(_ path: String) throws(LogSourcesError) -> String {
    do throws(SystemError) {
      return try WorkingFolder.absolute(path)
    } catch {
      throw .system(error)
    }
  }
}

/// Finds and opens the files of all jobs, on a thread of its own.
///
/// It goes on while reading is held back, so that files which are rotated away meanwhile stay open
/// and are read later. The kernel tells of changes (inotify); folders are listed anew after
/// structural ones and every `rescanSeconds`.
package final class FileDiscovery {
  /// One job's share.
  package struct Job {
    package var targets: [FilePatterns]
    package var mailbox: FileMailbox
    /// All files are compressed so, and read once; nil for none.
    package var compression: InflateStream.Format?
    /// How old a compressed file must be before it is read, in seconds, so that it is whole.
    package var compressedAgeSeconds = 0.0

    package init(
      targets: [FilePatterns], mailbox: FileMailbox, compression: InflateStream.Format? = nil,
      compressedAgeSeconds: Double = 0
    ) {
      self.targets = targets
      self.mailbox = mailbox
      self.compression = compression
      self.compressedAgeSeconds = compressedAgeSeconds
    }
  }

  /// Compressed files are not read as text.
  private static let compressedSuffixes = [".gz", ".bz2", ".xz", ".zst", ".z", ".Z", ".zip"]
  /// Time between two looks at the kernel's changes: a busy file has many of them, and what it
  /// got in the meantime is read at once.
  private static let pauseMilliseconds = 150

  private let jobs: [Job]
  private let fileSystem: any FileSystem
  private let rescanSeconds: Double
  private let watch: FolderWatch?
  private let log = Log("files")
  private var folders: Set<ByteText> = []
  /// When folders are listed anew at the latest, and at the earliest.
  private var nextScan = MonotonicTime(nanoseconds: 0)
  private var earliestScan = MonotonicTime(nanoseconds: 0)
  private var shares: [Share]

  /// What is remembered of one job between two scans.
  private struct Share {
    /// Files that were seen and could not be opened yet, with the bytes that were to be read.
    var unopened: [FileIdentity: (path: String, status: FileStatus, bytes: Int64)] = [:]
    /// All files of the last run were looked for that no pattern matches any more.
    var hasSearchedMissing = false
    /// Those that were found so.
    var found: Set<FileIdentity> = []
  }

  /// Without inotify (none can be had, or `usesInotify` is false) it scans only.
  package init(
    jobs: [Job], fileSystem: any FileSystem, rescanSeconds: Double, usesInotify: Bool = true
  ) {
    self.jobs = jobs
    self.fileSystem = fileSystem
    self.rescanSeconds = rescanSeconds
    shares = jobs.map { _ in Share() }
    var watch: FolderWatch?
    if usesInotify {
      do throws(SystemError) {
        watch = try FolderWatch()
      } catch {
        log.warn("changes of files are looked for, not told", ["error": error.message])
      }
    }
    self.watch = watch
  }

  /// Looks once: waits up to `milliseconds` for changes, tells of them, scans when it is due.
  ///
  /// True when the readers have something to take.
  package func step(waitMilliseconds milliseconds: Int) -> Bool {
    var hasNews = false
    if let watch {
      watch.wait(milliseconds: milliseconds)
      let (changes, isComplete) = watch.takeChanges()
      if !isComplete {
        for job in jobs { job.mailbox.postEverythingChanged() }
        nextScan = MonotonicTime(nanoseconds: 0)
      }
      if changes.contains(where: \.isStructural) { nextScan = MonotonicTime(nanoseconds: 0) }
      let paths = Set(
        texts: changes.map { $0.folder == "/" ? "/\($0.name)" : "\($0.folder)/\($0.name)" })
      if !paths.isEmpty {
        for job in jobs { job.mailbox.post(changed: paths) }
        hasNews = true
      }
    }
    let now = MonotonicTime.now()
    if now >= nextScan, now >= earliestScan {
      nextScan = now.adding(seconds: rescanSeconds)
      scan()
      // Folders in which names come and go all the time take a tenth of a processor at most.
      let end = MonotonicTime.now()
      earliestScan = end.adding(seconds: end.seconds(since: now) * 10)
      hasNews = true
    }
    return hasNews
  }

  /// Runs ``step(waitMilliseconds:)`` until `isStopped`; `tell` wakes the readers.
  package func run(isStopped: () -> Bool, tell: () -> Void) {
    guard let pause = try? ThreadSignal() else { return }
    while !isStopped() {
      if step(waitMilliseconds: watch == nil ? 0 : 250) { tell() }
      pause.wait(milliseconds: Int32(watch == nil ? 250 : Self.pauseMilliseconds))
    }
  }

  /// Lists all folders and opens what the readers do not have.
  package func scan() {
    var wanted: Set<ByteText> = []
    for (number, job) in jobs.enumerated() {
      var seen: [FileIdentity: [String]] = [:]
      var found: [(match: GlobWalk.Match, target: Int)] = []
      for (index, target) in job.targets.enumerated() {
        var walk = GlobWalk(fileSystem)
        walk.expand(target.include)
        wanted.formUnion(walk.folders)
        for match in walk.matches where isWanted(match.path, target, job) {
          let identity = FileIdentity(device: match.status.device, inode: match.status.inode)
          if seen[identity] == nil { found.append((match, index)) }
          seen[identity, default: []].append(match.path)
        }
        if walk.leftOut > 0 {
          log.error(
            "a pattern matches too many files; make __path__ narrower",
            ["pattern": target.include.text, "left_out": walk.leftOut])
        }
      }
      job.mailbox.post(seen: seen)
      let before = shares[number].unopened
      let hasAll = open(found, job, &shares[number])
      tellGone(before, found, job)
      guard hasAll else { continue }
      job.mailbox.postHasAll()
      if !shares[number].hasSearchedMissing { searchMissing(job, seen, &shares[number]) }
    }
    watchFolders(wanted)
  }

  /// Counts files that had no room or could not be opened at the last scan, and are gone now.
  private func tellGone(
    _ before: [FileIdentity: (path: String, status: FileStatus, bytes: Int64)],
    _ found: [(match: GlobWalk.Match, target: Int)], _ job: Job
  ) {
    guard !before.isEmpty else { return }
    var sizes: [FileIdentity: Int64] = [:]
    for item in found {
      let status = item.match.status
      sizes[FileIdentity(device: status.device, inode: status.inode)] = status.size
    }
    var gone = FileMailbox.Gone()
    for (identity, file) in before where file.bytes > 0 {
      // A shorter one was truncated, or is another that got the inode.
      if let size = sizes[identity], size >= file.status.size { continue }
      gone.files += 1
      gone.bytes += UInt64(file.bytes)
      log.error(
        "a file was gone before it could be opened", ["path": file.path, "bytes": file.bytes])
    }
    if gone.files > 0 { job.mailbox.post(gone: gone) }
  }

  private func isWanted(_ path: String, _ target: FilePatterns, _ job: Job) -> Bool {
    if let exclude = target.exclude, exclude.matches(path) { return false }
    if job.compression != nil { return true }
    return !Self.compressedSuffixes.contains { path.hasSuffix($0) }
  }

  /// Opens what is wanted; false when not all of it had room.
  private func open(
    _ found: [(match: GlobWalk.Match, target: Int)], _ job: Job, _ share: inout Share
  ) -> Bool {
    share.unopened = [:]
    let missing = job.mailbox.missing
    // Known ones first, so that truncations are noticed before copies are judged; then by age, so
    // that lines of rotated files come before those of their successors.
    let order = found.map { item in
      let status = item.match.status
      let identity = FileIdentity(device: status.device, inode: status.inode)
      return (item, identity, missing[identity] != nil)
    }.sorted { a, b in
      if a.2 != b.2 { return a.2 }
      return a.0.match.status.modifiedNanoseconds < b.0.match.status.modifiedNanoseconds
    }
    var hasRoom = true
    for (item, identity, isMissing) in order {
      guard let bytes = job.mailbox.wantedBytes(identity, item.match.status) else { continue }
      hasRoom = hasRoom && job.mailbox.hasRoom
      if hasRoom, openFile(item.match.path, target: item.target, job) { continue }
      // What is left of files of the last run is the reader's to count.
      if isMissing { continue }
      share.unopened[identity] = (item.match.path, item.match.status, bytes)
    }
    if !hasRoom { nextScan = MonotonicTime(nanoseconds: 0) }
    return hasRoom
  }

  /// False for a file that is there and could not be opened.
  @discardableResult
  private func openFile(
    _ path: String, target: Int, _ job: Job, isOutsidePatterns: Bool = false
  ) -> Bool {
    do throws(SystemError) {
      let file = try fileSystem.open(path, .read)
      let status = try file.status()
      guard status.kind == .regular else { return true }
      var content = file
      if let format = job.compression {
        guard isOldEnough(status, job) else { return true }
        do throws(CompressionError) {
          content = try InflatedFile(file, format)
        } catch {
          log.error("a file cannot be inflated", ["path": path])
          return true
        }
      }
      job.mailbox.post(
        FileArrival(
          file: content, path: path, status: status, target: target,
          isOutsidePatterns: isOutsidePatterns, isReadOnce: job.compression != nil))
      return true
    } catch {
      // Gone since it was seen, or removed: what was seen of it counts as gone.
      guard !error.isNoSuchFile else { return false }
      log.warn("a file cannot be opened; it is tried again", ["error": error.message])
      return false
    }
  }

  private func isOldEnough(_ status: FileStatus, _ job: Job) -> Bool {
    guard job.compressedAgeSeconds > 0 else { return true }
    let age = Double(SystemClock().now() - status.modifiedNanoseconds) / 1e9
    return age >= job.compressedAgeSeconds
  }

  /// Looks at the start for files of the last run that were renamed meanwhile to names that no
  /// pattern matches: what was not read of them still is.
  ///
  /// To be called once all others are open, at each scan until those had room too.
  private func searchMissing(
    _ job: Job, _ seen: [FileIdentity: [String]], _ share: inout Share
  ) {
    share.hasSearchedMissing = true
    var byFolder: [ByteText: [FileIdentity: String]] = [:]
    for (identity, path) in job.mailbox.missing where seen[identity] == nil {
      byFolder[GlobWalk.folder(of: path), default: [:]][identity] = path
    }
    for (folder, files) in byFolder {
      let folder = folder.text
      guard let names = try? fileSystem.list(folder) else { continue }
      for name in names {
        let path = folder == "/" ? "/\(name)" : "\(folder)/\(name)"
        guard let status = (try? fileSystem.status(path)) ?? nil, status.kind == .regular,
          job.compression != nil
            || !Self.compressedSuffixes.contains(where: { path.hasSuffix($0) }),
          case let identity = FileIdentity(device: status.device, inode: status.inode),
          let oldPath = files[identity], !share.found.contains(identity),
          let target = job.targets.firstIndex(where: {
            $0.include.matches(oldPath) && isWanted(oldPath, $0, job)
          })
        else { continue }
        guard job.mailbox.hasRoom else {
          share.hasSearchedMissing = false
          nextScan = MonotonicTime(nanoseconds: 0)
          return
        }
        share.found.insert(identity)
        openFile(path, target: target, job, isOutsidePatterns: true)
      }
    }
  }

  private func watchFolders(_ wanted: Set<ByteText>) {
    guard let watch else { return }
    defer {
      let isWatched = wanted.isSubset(of: watch.watched)
      for job in jobs { job.mailbox.post(isWatched: isWatched) }
    }
    for folder in watch.watched.subtracting(wanted) { watch.remove(folder.text) }
    for folder in wanted.subtracting(watch.watched) {
      do throws(SystemError) {
        try watch.add(folder.text)
        // Something may have come between the listing and the watch.
        if !folders.contains(folder) { nextScan = MonotonicTime(nanoseconds: 0) }
      } catch {
        guard !error.isNoSuchFile else { continue }
        log.warn("a folder cannot be watched; it is scanned", ["error": error.message])
      }
    }
    folders = wanted
  }
}
