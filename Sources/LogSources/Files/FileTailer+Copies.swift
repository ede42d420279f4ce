import Bytes
import LinuxIO

/// Copies made before a truncation (copytruncate), where the copy's name is matched as well.
///
/// The copy holds what was read of the original already and what was not. It is known by its
/// first bytes and by those before the place that was reached in the original, and is read from
/// there on, once the original was truncated. So only what is written between the copying and the
/// truncation is lost, which no reader can help.
extension FileTailer {
  /// Bytes that must have been read of a file before any related one is taken for its copy. With
  /// fewer, which could be the same banner of two files, the name must be the original's with
  /// something added, as logrotate's is.
  private static let evidenceBytesMin = Int64(FileFingerprint.tailBytesMax)

  private enum Likeness {
    case different
    /// All that there is so far is the same.
    case sameSoFar
    /// The same up to the place that was reached in the original.
    case same
    /// The same, and all of it was read in the original, which is truncated now.
    case readAlready
  }

  /// Whether `generation` may be read; while it may be a copy in the making, it may not.
  func decideOriginal(_ generation: FileGeneration, _ now: MonotonicTime) -> Bool {
    guard hasAll, let file = generation.file else { return false }
    do throws(SystemError) {
      let status = try file.status()
      // Nothing can be said of an empty file yet, and nothing is lost by waiting.
      guard status.size > 0 else {
        generation.mustBeRead = false
        return false
      }
      if status.size != generation.size {
        generation.size = status.size
        generation.lastGrowth = now
      }
      let mayWait = now.seconds(since: generation.lastGrowth) < settings.suspectCopySeconds
      for other in unreadOriginals(for: generation) where mayWait {
        guard try isSameSoFar(file, status.size, other) else { continue }
        other.mustBeRead = true
        return false
      }
      for original in originals(for: generation) {
        switch try judge(generation, file, status.size, original, mayWait: mayWait, now) {
        case .isOther: continue
        case .waits: return false
        case .isDecided: return true
        }
      }
      generation.isKnownOriginal = true
      generation.isDirty = true
      generation.state = .reading
      return true
    } catch {
      failed(generation, error)
      return false
    }
  }

  private enum Verdict {
    /// No copy of this original.
    case isOther
    /// It is looked at again in each round until it is decided.
    case waits
    case isDecided
  }

  private func judge(
    _ generation: FileGeneration, _ file: any File, _ size: Int64, _ original: FileGeneration,
    mayWait: Bool, _ now: MonotonicTime
  ) throws(SystemError) -> Verdict {
    if original.file == nil, !original.position.isTruncated {
      guard mayWait, try beginsAlike(file, size, original) else { return .isOther }
      if let verdict = reopen(original, now) { return verdict }
    }
    // Before the comparison, and the look for a truncation after it: whenever the file is truncated
    // in between, this size is from before.
    let originalSize = try original.file?.size() ?? 0
    let likeness = try likeness(file, size, original)
    if try wasTruncatedUnnoticed(original) {
      // It is read first, and then this one is judged by what had been reached in it.
      original.mustBeRead = true
      return .waits
    }
    switch likeness {
    case .different: return .isOther
    case .same where original.position.isTruncated:
      takeOver(original, by: generation, now)
      return .waits
    case .readAlready:
      try passOver(generation, file, size: size, original)
      return .isDecided
    case .same, .sameSoFar:
      guard mayWait, size <= originalSize else { return .isOther }
      generation.state = .suspectedCopy
      return .waits
    }
  }

  /// Opens an original that rests, if it still has its name; nil when it is open now.
  private func reopen(_ original: FileGeneration, _ now: MonotonicTime) -> Verdict? {
    guard let status = (try? fileSystem.status(original.currentPath)) ?? nil,
      FileIdentity(device: status.device, inode: status.inode) == original.position.identity
    else { return .isOther }
    // Discovery opens those of the last run, and knows their targets.
    guard original.state == .dormant else { return .waits }
    do throws(SystemError) {
      let file = try fileSystem.open(original.currentPath, .read)
      let opened = try file.status()
      guard opened.inode == status.inode, opened.device == status.device else { return .waits }
      let isSame = try reader.verify(file, original.position)
      attach(file, to: original, now)
      guard !isSame else { return nil }
      restartAfterTruncation(original, now, mayBeCopy: true)
      return .waits
    } catch {
      log.warn("a file cannot be opened; it is tried again", ["error": error.message])
      return .waits
    }
  }

  private func wasTruncatedUnnoticed(_ original: FileGeneration) throws(SystemError) -> Bool {
    guard !original.position.isTruncated, let file = original.file else { return false }
    return try !reader.verify(file, original.position)
  }

  /// Gives what is left of a truncated file to a suspected copy of it, if there is one.
  func handOverToCopy(of original: FileGeneration, _ now: MonotonicTime) -> Bool {
    for copy in generations.values
    where copy.file != nil && !copy.isKnownOriginal && isRelated(copy, original) {
      guard let file = copy.file else { continue }
      do throws(SystemError) {
        let size = try file.size()
        switch try likeness(file, size, original) {
        case .same:
          takeOver(original, by: copy, now)
          return true
        case .readAlready: try passOver(copy, file, size: size, original)
        case .different, .sameSoFar: continue
        }
      } catch { failed(copy, error) }
    }
    return false
  }

  /// Files that `generation` could be a copy of: truncated ones first.
  private func originals(for generation: FileGeneration) -> [FileGeneration] {
    related(to: generation.currentPath).filter { other in
      other.number != generation.number && other.isKnownOriginal && !other.isReadOnce
        && keepsItsName(other) && isRelated(generation, other)
    }.sorted { a, b in
      a.position.isTruncated == b.position.isTruncated
        ? a.number > b.number : a.position.isTruncated
    }
  }

  /// Files of which nothing was read yet, and whose copy `generation` is by its name: they are read
  /// before it is judged.
  private func unreadOriginals(for generation: FileGeneration) -> [FileGeneration] {
    related(to: generation.currentPath).filter { other in
      other.number != generation.number && other.position.offset == 0 && other.file != nil
        && other.state == .reading && !other.isReadOnce && keepsItsName(other)
        && Self.isDerived(Self.name(of: generation.currentPath), from: other)
    }
  }

  private static func isDerived(_ name: Substring, from original: FileGeneration) -> Bool {
    let originalName = Self.name(of: original.currentPath)
    return name.hasBytePrefix("\(originalName).") || name.hasBytePrefix("\(originalName)-")
  }

  /// Generations whose names a copy's name could be made of, by the names alone: among thousands
  /// of files only these are compared.
  private func related(to path: String) -> [FileGeneration] {
    let index = byCopyPrefix ?? copyPrefixes()
    byCopyPrefix = index
    let name = Self.name(of: path)
    var numbers: Set<Int64> = []
    for end in name.unicodeScalars.indices {
      if let found = index[String(name[...end])] { numbers.formUnion(found) }
    }
    return numbers.compactMap { generations[$0] }
  }

  private func copyPrefixes() -> [ByteText: [Int64]] {
    var index: [ByteText: [Int64]] = [:]
    for generation in generations.values {
      let name = Self.name(of: generation.currentPath)
      index[String(name), default: []].append(generation.number)
      let stem = Self.stem(of: name)
      if !stem.hasSameBytes(as: name) { index[String(stem), default: []].append(generation.number) }
    }
    return index
  }

  private static func name(of path: String) -> Substring {
    path.unicodeScalars.split(separator: "/").last.map { Substring($0) } ?? ""
  }
  private static func stem(of name: Substring) -> Substring {
    name.unicodeScalars.split(separator: ".").first.map { Substring($0) } ?? ""
  }

  /// Whether the names look like a file and its rotated form: `app.log` and `app.log.1`,
  /// `app-20260101.log`, `app.1.log`.
  private func isRelated(_ copy: FileGeneration, _ original: FileGeneration) -> Bool {
    guard original.position.offset > 0 else { return false }
    let copyName = Self.name(of: copy.currentPath)
    let originalName = Self.name(of: original.currentPath)
    if original.position.offset < Self.evidenceBytesMin {
      return Self.isDerived(copyName, from: original)
    }
    let stem = Self.stem(of: originalName)
    return !stem.isEmpty && !copyName.hasSameBytes(as: originalName) && copyName.hasBytePrefix(stem)
  }

  /// Only a file that stays under its name is copied and truncated.
  private func keepsItsName(_ original: FileGeneration) -> Bool {
    original.currentPath.hasSameBytes(as: original.position.path) && !original.isRotatedAway
  }

  private func likeness(
    _ file: any File, _ size: Int64, _ original: FileGeneration
  ) throws(SystemError) -> Likeness {
    let position = original.position
    guard try beginsAlike(file, size, original) else { return .different }
    if size >= position.offset {
      let tail = try file.readBytes(
        at: position.offset - Int64(position.tail.length), count: Int(position.tail.length))
      return LineReader.fingerprint(tail) == position.tail ? .same : .different
    }
    if position.isTruncated {
      // Without the whole beginning its end must be known.
      guard let place = position.places.last(upTo: size),
        place.offset >= Int64(position.head.length) || place.offset == size
      else { return .different }
      let tail = try file.readBytes(
        at: place.offset - Int64(place.tail.length), count: Int(place.tail.length))
      return LineReader.fingerprint(tail) == place.tail ? .readAlready : .different
    }
    // A copy that is not complete can only be compared while the original is there.
    return try isSameSoFar(file, size, original) ? .sameSoFar : .different
  }

  /// Whether a file has the original's first bytes, or is too short to tell.
  private func beginsAlike(
    _ file: any File, _ size: Int64, _ original: FileGeneration
  ) throws(SystemError) -> Bool {
    let head = original.position.head
    guard size >= Int64(head.length) else { return true }
    return LineReader.fingerprint(try file.readBytes(at: 0, count: Int(head.length))) == head
  }

  /// Whether the first and the last bytes of a file are in the original at the same places.
  private func isSameSoFar(
    _ file: any File, _ size: Int64, _ original: FileGeneration
  ) throws(SystemError) -> Bool {
    guard let source = original.file else { return false }
    let count = Int(min(size, Int64(FileFingerprint.headBytesMax)))
    let start = size - Int64(min(Int(size), FileFingerprint.tailBytesMax))
    for (offset, length) in [(0, count), (start, Int(size - start))] {
      let theirs = try source.readBytes(at: offset, count: length)
      guard theirs.count == length, try file.readBytes(at: offset, count: length) == theirs else {
        return false
      }
    }
    return true
  }

  /// Goes to the end of a copy that holds nothing new.
  private func passOver(
    _ copy: FileGeneration, _ file: any File, size: Int64, _ original: FileGeneration
  ) throws(SystemError) {
    countCopy()
    copy.position.offset = size
    try reader.fingerprint(file, &copy.position)
    copy.isKnownOriginal = true
    copy.state = .reading
    copy.isDirty = true
    // Lines of the last run that were held back stand here as they stood in the original.
    let held = original.restoredHeld.filter { $0.start + Int64($0.length) <= size }
    guard !held.isEmpty else { return }
    original.restoredHeld.removeAll { $0.start + Int64($0.length) <= size }
    copy.restoredHeld = held
    rereadHeldLines(of: copy)
  }

  /// Goes on with a truncated generation in its copy, under the generation's number.
  private func takeOver(
    _ original: FileGeneration, by copy: FileGeneration, _ now: MonotonicTime
  ) {
    guard let file = copy.file else { return }
    countCopy()
    let path = copy.currentPath
    let status = copy.position.identity
    forget(copy)
    original.position.identity = status
    original.position.isTruncated = false
    original.position.goneSinceSeconds = 0
    original.isDirty = true
    original.isKnownOriginal = true
    current[status] = original.number
    hasUnpublishedChanges = true
    reattach(file, path: path, to: original, now)
  }
}
