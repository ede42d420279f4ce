import Bytes
import LinuxIO

/// Noticing that files were renamed, removed, or rest.
extension FileTailer {
  /// Looks at open files: sizes, names, whether they still are where they were.
  ///
  /// To be called every second or so. Where the kernel tells of changes, files of which it told
  /// nothing are passed over until their poll is due, unless something is awaited of them.
  package func lookAround(_ sink: any LineSink, afterChunk: () -> Bool) {
    let now = clock.monotonic()
    let absent = generations.values.filter { $0.file == nil }
    for generation in absent { lookAtAbsent(generation, now) }
    let due = generations.values.filter { $0.file != nil && isLookDue($0, now) }
    for generation in due.sorted(by: { $0.number < $1.number }) {
      lookAt(generation, sink, now)
      guard afterChunk() else { return }
    }
  }

  private func isLookDue(_ generation: FileGeneration, _ now: MonotonicTime) -> Bool {
    if !isTold || generation.mustBeLookedAt || generation.growsUntold { return true }
    // Its end is awaited, or that of its last line.
    if generation.isRotatedAway || generation.state == .suspectedCopy { return true }
    if generation.partialBytes > 0,
      !generation.currentPath.hasSameBytes(as: generation.position.path)
    {
      return true
    }
    return now.seconds(since: generation.lastLook) >= settings.pollSeconds
  }

  /// Counts what a truncation destroyed once no copy is to be expected, and forgets what was not
  /// seen for long, restarts not counted: a file may be on a disk that is mounted late.
  private func lookAtAbsent(_ generation: FileGeneration, _ now: MonotonicTime) {
    let unseen = now.seconds(since: generation.lastSeen)
    let holdsLines = generation.position.held.count > generation.restoredHeld.count
    if generation.state == .absent {
      guard hasAll, unseen >= settings.suspectCopySeconds else { return }
      if generation.position.isTruncated { countUnread(of: generation) }
      let seconds = clock.now() / 1_000_000_000
      if generation.position.goneSinceSeconds == 0
        || generation.position.goneSinceSeconds > seconds
      {
        generation.position.goneSinceSeconds = seconds
        generation.isDirty = true
      }
      let gone = Double(seconds - generation.position.goneSinceSeconds)
      guard !holdsLines, gone > settings.forgetAfterSeconds else { return }
    } else {
      guard !holdsLines, unseen > settings.forgetAfterSeconds else { return }
    }
    countGap(of: generation)
    forget(generation)
  }

  private func lookAt(_ generation: FileGeneration, _ sink: any LineSink, _ now: MonotonicTime) {
    guard let file = generation.file else { return }
    do throws(SystemError) {
      let status = try file.status()
      let wasTold = generation.mustBeLookedAt || generation.mustBeRead
      generation.mustBeLookedAt = false
      generation.lastLook = now
      // Of a file that was truncated and has grown beyond it is another size.
      if status.size > generation.position.size, !generation.isReadOnce,
        try reader.verify(file, generation.position)
      {
        generation.noteSize(status.size)
      }
      if status.size != generation.size, !wasTold { generation.growsUntold = true }
      if status.size != generation.size
        || status.modifiedNanoseconds != generation.modifiedNanoseconds
      {
        generation.modifiedNanoseconds = status.modifiedNanoseconds
        generation.mustBeRead = true
      }
      let named = try fileSystem.status(generation.currentPath)
      let isNamed = named?.inode == status.inode && named?.device == status.device
      if isNamed {
        generation.lastSeen = now
        if generation.isRotatedAway { generation.isRotatedAway = false }
      } else if !generation.isRotatedAway {
        generation.isRotatedAway = true
        generation.mustBeRead = true
        countRotation()
      }
      guard !generation.mustBeRead else { return }
      let rested = now.seconds(since: generation.lastGrowth)
      if rested > settings.closeRotatedAfterSeconds { generation.growsUntold = false }
      // Rotated under a name that is matched too: it is followed on, but its last line is over.
      let isRenamed = !generation.currentPath.hasSameBytes(as: generation.position.path)
      if generation.isRotatedAway || isRenamed, rested > settings.closeRotatedAfterSeconds {
        finishPartialLine(generation, sink)
      }
      if generation.isRotatedAway, rested > settings.closeRotatedAfterSeconds {
        close(generation, now, isGone: status.linkCount == 0)
      } else if rested > settings.closeIdleAfterSeconds, generation.partialBytes == 0,
        generation.state == .reading
      {
        close(generation, now, isGone: false)
      }
    } catch { failed(generation, error) }
  }

  private func close(_ generation: FileGeneration, _ now: MonotonicTime, isGone: Bool) {
    hasUnpublishedChanges = true
    if isGone, generation.position.held.isEmpty {
      countGap(of: generation)
      forget(generation)
      return
    }
    generation.file = nil
    generation.state = .dormant
    generation.mustBeRead = false
    generation.lastSeen = now
  }

  /// What discovery need not open again, with how those were left that are closed.
  package var knownFiles: [FileIdentity: FileMailbox.Rest?] {
    var known: [FileIdentity: FileMailbox.Rest?] = [:]
    for (identity, number) in current {
      guard let generation = generations[number] else { continue }
      switch generation.state {
      case .reading, .suspectedCopy: known[identity] = .some(nil)
      case .dormant:
        let rest = FileMailbox.Rest(
          size: generation.size, modifiedNanoseconds: generation.modifiedNanoseconds)
        known[identity] = .some(generation.isReadOnce ? nil : rest)
      case .absent: break
      }
    }
    return known
  }

  /// Files of the last run that no scan found yet, by the path that they had.
  package var missingFiles: [FileIdentity: String] {
    var missing: [FileIdentity: String] = [:]
    for (identity, number) in current {
      if let generation = generations[number], generation.state == .absent {
        missing[identity] = generation.position.path
      }
    }
    return missing
  }
}

/// What is told of one file to people.
package struct FileStatusReport: Hashable, Sendable {
  package var path: String
  /// The name under which it was first seen, which its lines carry.
  package var firstPath: String
  package var offset: Int64
  package var size: Int64
  /// `reading`, `copy` (waits for the truncation of its original), `resting`, `missing` or
  /// `truncated`.
  package var state: String
}

extension FileTailer {
  /// All files that are known, by path.
  package var fileStatuses: [FileStatusReport] {
    generations.values.map { generation in
      let state =
        switch generation.state {
        case .reading: "reading"
        case .suspectedCopy: "copy"
        case .dormant: "resting"
        case .absent: generation.position.isTruncated ? "truncated" : "missing"
        }
      return FileStatusReport(
        path: generation.currentPath, firstPath: generation.position.path,
        offset: generation.position.offset, size: max(generation.size, generation.position.offset),
        state: state)
    }.sorted { ($0.path, $0.offset) < ($1.path, $1.offset) }
  }
}
