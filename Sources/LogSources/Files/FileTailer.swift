package import Bytes
package import LinuxIO

/// How files are followed.
package struct FileTailSettings: Hashable, Sendable {
  /// Bytes of a line, at most.
  package var lineBytesMax = 4 << 20
  /// Longer lines are cut; if false they are dropped.
  package var cutsOverlongLines = true
  package var chunkBytes = 256 << 10
  /// A file that lost its name is closed when it has not grown for so long.
  package var closeRotatedAfterSeconds = 30.0
  /// A file at its end that has not grown for so long is closed until it grows.
  package var closeIdleAfterSeconds = 600.0
  /// For so long a file that begins as another is taken for a copy in the making.
  package var suspectCopySeconds = 30.0
  /// A file is looked at after so long even when nothing was told of it: the kernel may miss some.
  package var pollSeconds = 10.0
  /// For so long what is known of a file is kept after it was seen last.
  package var forgetAfterSeconds = 3600.0

  package init() {}
}

/// A file that discovery found and opened.
package struct FileArrival: Sendable {
  package var file: any File
  package var path: String
  package var status: FileStatus
  /// Index among the job's targets.
  package var target: Int
  /// No pattern matches its name: only the rest of a file that is known is wanted of it.
  package var isOutsidePatterns: Bool
  /// It is compressed: once it was read to its end, nothing more comes of it.
  package var isReadOnce: Bool

  package init(
    file: any File, path: String, status: FileStatus, target: Int, isOutsidePatterns: Bool = false,
    isReadOnce: Bool = false
  ) {
    self.isReadOnce = isReadOnce
    self.file = file
    self.path = path
    self.status = status
    self.target = target
    self.isOutsidePatterns = isOutsidePatterns
  }

  var identity: FileIdentity { FileIdentity(device: status.device, inode: status.inode) }
}

/// Follows the files of one job: knows each again over renames, copies, truncations and restarts,
/// and hands its lines on once, in the file's order.
///
/// For one thread. Positions move as lines are handed on; ``takeChangedPositions(held:)`` gives
/// what is to be stored together with those lines, and must not be called from inside the sink.
package final class FileTailer {
  package let job: String
  package internal(set) var counters = FileCounters()

  let settings: FileTailSettings
  let fileSystem: any FileSystem
  let clock: any WallClock
  let log = Log("files")
  var reader: LineReader
  private let takeNumber: () -> Int64
  var generations: [Int64: FileGeneration] = [:]
  /// Generations that hold their file's present content.
  var current: [FileIdentity: Int64] = [:]
  private var byPath: [ByteText: Set<Int64>] = [:]
  /// By what a copy's name would begin with; nil when it is to be made anew.
  var byCopyPrefix: [ByteText: [Int64]]?
  private var forgotten: [Int64] = []
  /// Lines that were held back when the last run ended, to be handed on before all others.
  var reread: [HeldBack] = []
  /// All files that there were at the start have come: before that a copy cannot be told from a new
  /// file, since its original may be among those that are still to come.
  var hasAll = false
  /// The kernel tells of changes, so that files at rest are looked at now and then only.
  var isTold = false
  /// What discovery was told of the known files is out of date.
  package internal(set) var hasUnpublishedChanges = true
  /// Offsets by absolute path from Promtail's positions file, for files not known otherwise.
  private var importedOffsets: [ByteText: Int64] = [:]

  /// `takeNumber` gives numbers that no source had before, in this run or an earlier one.
  package init(
    job: String, settings: FileTailSettings, encoding: LineEncoding = .utf8,
    fileSystem: any FileSystem, clock: any WallClock, takeNumber: @escaping () -> Int64
  ) {
    self.job = job
    self.settings = settings
    self.fileSystem = fileSystem
    self.clock = clock
    self.takeNumber = takeNumber
    reader = LineReader(
      limits: LineReader.Limits(
        lineBytesMax: settings.lineBytesMax, cutsOverlongLines: settings.cutsOverlongLines,
        chunkBytes: settings.chunkBytes), encoding: encoding)
  }

  // MARK: Positions

  /// Takes over what an earlier run stored; before the first arrival.
  package func restore(_ positions: [(number: Int64, position: FilePosition)]) {
    let now = clock.monotonic()
    byCopyPrefix = nil
    for (number, position) in positions {
      let generation = FileGeneration(
        number: number, position: position, state: .absent, target: 0, now: now,
        isKnownOriginal: true)
      generations[number] = generation
      if !position.isTruncated { current[position.identity] = number }
    }
  }

  /// Takes over offsets by path; each counts for the first file that is found under its path.
  package func importOffsets(_ offsets: [ByteText: Int64]) { importedOffsets = offsets }

  /// Positions that changed since the last call; nil stands for one to forget.
  ///
  /// `held` are the lines of this job that the pipeline holds back.
  package func takeChangedPositions(held: [Int64: [FilePosition.HeldLine]])
    -> [(number: Int64, position: FilePosition?)]
  {
    var changed: [(number: Int64, position: FilePosition?)] = forgotten.map { ($0, nil) }
    forgotten = []
    // What may be a copy in the making is not stored: after a crash it is judged anew.
    for generation in generations.values where generation.isKnownOriginal {
      // What was not read once more yet is held still.
      let lines = generation.restoredHeld + (held[generation.number] ?? [])
      if generation.position.held != lines {
        generation.position.held = lines
        generation.isDirty = true
      }
      guard generation.isDirty else { continue }
      generation.isDirty = false
      changed.append((generation.number, generation.position))
    }
    return changed
  }

  /// Whether ``takeChangedPositions(held:)`` has something to give, held lines aside.
  package var hasChangedPositions: Bool {
    !forgotten.isEmpty || generations.values.contains { $0.isDirty && $0.isKnownOriginal }
  }

  /// Paths and offsets for Promtail's positions file.
  package var offsetsByPath: [ByteText: Int64] {
    var offsets: [ByteText: Int64] = [:]
    for generation in generations.values
    where !generation.position.isTruncated && generation.state != .absent {
      offsets[generation.currentPath] = generation.position.offset
    }
    return offsets
  }

  // MARK: Files that come, change and go

  /// Takes a file that discovery opened.
  package func adopt(_ arrival: FileArrival) {
    let now = clock.monotonic()
    guard let number = current[arrival.identity], let known = generations[number] else {
      if !arrival.isOutsidePatterns { adoptUnknown(arrival, now) }
      return
    }
    guard known.file == nil else { return }
    known.isReadOnce = arrival.isReadOnce
    if known.position.goneSinceSeconds != 0 {
      known.position.goneSinceSeconds = 0
      known.isDirty = true
    }
    do throws(SystemError) {
      // Of a file of which nothing was read, a name is all that is known.
      let hasName = arrival.path.hasSameBytes(as: known.position.path)
      var isSame = hasName || known.position.offset > 0
      if isSame { isSame = try reader.verify(arrival.file, known.position) }
      if isSame || hasName {
        known.lastSeen = now
        known.target = arrival.target
        setPath(known, arrival.path)
        if isSame {
          attach(arrival.file, to: known, now)
          known.noteSize(arrival.status.size)
        } else {
          // Truncated meanwhile, or another file under a name that comes again and again
          // (`app.log.1`) with the inode of one that is gone: then it may be a copy.
          known.file = arrival.file
          restartAfterTruncation(known, now, mayBeCopy: true)
        }
      } else if !arrival.isOutsidePatterns {
        // Another file that got the inode of one that is gone; it may be a copy as any other.
        countGap(of: known)
        forget(known)
        adoptUnknown(arrival, now)
      }
    } catch { failed(known, error) }
  }

  /// Says that a name that a scan or the kernel told of may have new bytes or another file.
  package func noteChange(path: String) {
    for number in byPath[path] ?? [] { generations[number].map(Self.noteChange) }
  }

  /// Says that everything may have changed.
  package func noteChangeOfAll() {
    for generation in generations.values { Self.noteChange(generation) }
  }

  private static func noteChange(_ generation: FileGeneration) {
    generation.mustBeRead = true
    generation.mustBeLookedAt = true
    generation.growsUntold = false
  }

  /// Says which names a scan found for a file; there are several where it has links.
  package func noteSeen(_ identity: FileIdentity, paths: [String]) {
    guard let number = current[identity], let known = generations[number] else { return }
    known.lastSeen = clock.monotonic()
    guard let path = paths.first, !paths.contains(known.currentPath) else { return }
    if !known.isRotatedAway { counters.rotations &+= 1 }
    setPath(known, path)
  }

  private func adoptUnknown(_ arrival: FileArrival, _ now: MonotonicTime) {
    var position = FilePosition(path: arrival.path, job: job, identity: arrival.identity)
    var isKnownOriginal = false
    if let offset = importedOffsets.removeValue(forKey: arrival.path),
      offset > 0, offset <= arrival.status.size
    {
      position.offset = offset
      isKnownOriginal = true
      do throws(SystemError) {
        try reader.fingerprint(arrival.file, &position)
      } catch {
        log.warn(
          "a file could not be read at the place that was imported",
          ["path": arrival.path, "error": error.message])
      }
    }
    let generation = FileGeneration(
      number: takeNumber(), position: position, state: .reading, target: arrival.target, now: now,
      isKnownOriginal: isKnownOriginal)
    generation.isReadOnce = arrival.isReadOnce
    generation.noteSize(arrival.status.size)
    add(generation)
    attach(arrival.file, to: generation, now)
  }

  private func add(_ generation: FileGeneration) {
    hasUnpublishedChanges = true
    byCopyPrefix = nil
    generations[generation.number] = generation
    current[generation.position.identity] = generation.number
    byPath[generation.currentPath, default: []].insert(generation.number)
    generation.isDirty = true
  }

  func attach(_ file: any File, to generation: FileGeneration, _ now: MonotonicTime) {
    hasUnpublishedChanges = true
    generation.file = file
    generation.state = .reading
    generation.mustBeRead = true
    generation.mustBeLookedAt = true
    generation.lastGrowth = now
    generation.isRotatedAway = false
    byPath[generation.currentPath, default: []].insert(generation.number)
    rereadHeldLines(of: generation)
  }

  /// Goes on with `generation` in another file.
  func reattach(
    _ file: any File, path: String, to generation: FileGeneration, _ now: MonotonicTime
  ) {
    setPath(generation, path)
    attach(file, to: generation, now)
  }

  private func setPath(_ generation: FileGeneration, _ path: String) {
    guard !generation.currentPath.hasSameBytes(as: path) else { return }
    byCopyPrefix = nil
    byPath[generation.currentPath]?.remove(generation.number)
    if byPath[generation.currentPath]?.isEmpty == true { byPath[generation.currentPath] = nil }
    generation.currentPath = path
    byPath[path, default: []].insert(generation.number)
  }

  // MARK: Reading

  /// Reads one chunk of each file that may have something; true when there is more at once.
  ///
  /// `afterChunk` is called between chunks: there positions and lines agree, and the caller may
  /// store both. It returns false to stop.
  package func readRound(_ sink: any LineSink, afterChunk: () -> Bool) -> Bool {
    let now = clock.monotonic()
    if !reread.isEmpty {
      handOnHeldLines(sink)
      guard afterChunk() else { return false }
    }
    var hasMore = false
    // Older generations first: what was rotated away comes before what took its name.
    let ready = generations.values.filter { $0.mustBeRead && $0.file != nil }
      .sorted { $0.number < $1.number }
    for generation in ready {
      guard generation.file != nil else { continue }
      if !generation.isKnownOriginal || generation.state == .suspectedCopy {
        guard decideOriginal(generation, now) else { continue }
      }
      if readChunk(generation, sink, now) { hasMore = true }
      guard afterChunk() else { return false }
    }
    if !hasMore { reader.shrink() }
    return hasMore
  }

  private func readChunk(
    _ generation: FileGeneration, _ sink: any LineSink, _ now: MonotonicTime
  ) -> Bool {
    guard let file = generation.file else { return false }
    let before = generation.position.offset
    let number = generation.number
    let path = generation.position.path
    let target = generation.target
    do throws(SystemError) {
      let outcome = try reader.readChunk(file, &generation.position, counters: &counters) {
        sink.take(
          line: $0, path: path, target: target,
          origin: LineOrigin(source: number, start: $1, length: $2))
      }
      if generation.position.offset != before {
        generation.isDirty = true
        generation.lastGrowth = now
        generation.position.places.add(
          FilePlaces.Place(offset: generation.position.offset, tail: generation.position.tail))
      }
      switch outcome {
      case .more:
        return true
      case .paused:
        return false
      case .atEnd(let partialBytes):
        if partialBytes != generation.partialBytes { generation.lastGrowth = now }
        generation.partialBytes = partialBytes
        generation.size = generation.position.offset + Int64(partialBytes)
        generation.noteSize(generation.size)
        generation.mustBeRead = false
        return false
      case .truncated:
        restartAfterTruncation(generation, now)
        return true
      }
    } catch {
      failed(generation, error)
      return false
    }
  }

  /// Begins a new generation in the same file; the old one waits for a copy of what it held.
  ///
  /// - Parameter mayBeCopy: what is in the file now is compared with other files before it is read.
  func restartAfterTruncation(
    _ old: FileGeneration, _ now: MonotonicTime, mayBeCopy: Bool = false
  ) {
    hasUnpublishedChanges = true
    counters.truncations &+= 1
    let file = old.file
    old.file = nil
    old.state = .absent
    old.mustBeRead = false
    old.lastSeen = now
    old.position.isTruncated = true
    old.isDirty = true
    old.position.goneSinceSeconds = clock.now() / 1_000_000_000
    let path = old.currentPath
    byPath[path]?.remove(old.number)
    let fresh = FileGeneration(
      number: takeNumber(),
      position: FilePosition(path: path, job: job, identity: old.position.identity),
      state: .reading, target: old.target, now: now, isKnownOriginal: !mayBeCopy)
    add(fresh)
    if let file { attach(file, to: fresh, now) }
    if !handOverToCopy(of: old, now), old.position.offset == 0 {
      // Nothing was read of it: a copy is as good as a new file.
      countGap(of: old)
      forget(old)
    }
  }

  func forget(_ generation: FileGeneration) {
    hasUnpublishedChanges = true
    byCopyPrefix = nil
    generation.file = nil
    generations[generation.number] = nil
    if current[generation.position.identity] == generation.number {
      current[generation.position.identity] = nil
    }
    byPath[generation.currentPath]?.remove(generation.number)
    if byPath[generation.currentPath]?.isEmpty == true { byPath[generation.currentPath] = nil }
    forgotten.append(generation.number)
  }

  func failed(_ generation: FileGeneration, _ error: SystemError) {
    counters.readErrors &+= 1
    generation.mustBeRead = false
    log.warn(
      "a file could not be read; it is tried again later",
      ["path": generation.currentPath, "error": error.message])
  }

  /// Hands on the unfinished last line of a file that was rotated away and is not written to.
  func finishPartialLine(_ generation: FileGeneration, _ sink: any LineSink) {
    guard generation.partialBytes > 0, let file = generation.file else { return }
    let number = generation.number
    let path = generation.position.path
    let target = generation.target
    do throws(SystemError) {
      try reader.readPartialLine(file, &generation.position, counters: &counters) {
        sink.take(
          line: $0, path: path, target: target,
          origin: LineOrigin(source: number, start: $1, length: $2))
      }
      generation.isDirty = true
      generation.partialBytes = 0
    } catch { failed(generation, error) }
  }

  /// Counts a rotation that ``lookAround(_:afterChunk:)`` noticed.
  func countRotation() { counters.rotations &+= 1 }
  func countCopy() { counters.copiesTakenOver &+= 1 }
}
