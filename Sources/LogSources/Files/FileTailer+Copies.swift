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
      let waited = now.seconds(since: generation.lastGrowth)
      for original in originals(for: generation) {
        let likeness = try likeness(file, status.size, original)
        if try wasTruncatedUnnoticed(original) {
          // It is read first, and then this one is judged by what had been reached in it.
          original.mustBeRead = true
          return false
        }
        switch likeness {
        case .different: continue
        case .same where original.position.isTruncated:
          takeOver(original, by: generation, now)
          return false
        case .readAlready:
          try passOver(generation, file, size: status.size)
          return true
        case .same, .sameSoFar:
          let originalSize = try original.file?.size() ?? 0
          guard waited < settings.suspectCopySeconds, status.size <= originalSize else { continue }
          generation.state = .suspectedCopy
          // Looked at again in each round until it is decided.
          return false
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
        case .readAlready: try passOver(copy, file, size: size)
        case .different, .sameSoFar: continue
        }
      } catch { failed(copy, error) }
    }
    return false
  }

  /// Files that `generation` could be a copy of: truncated ones first.
  private func originals(for generation: FileGeneration) -> [FileGeneration] {
    related(to: generation.currentPath).filter { other in
      other.number != generation.number && other.isKnownOriginal
        && (other.position.isTruncated || other.file != nil) && keepsItsName(other)
        && isRelated(generation, other)
    }.sorted { a, b in
      a.position.isTruncated == b.position.isTruncated
        ? a.number > b.number : a.position.isTruncated
    }
  }

  /// Generations whose names a copy's name could be made of, by the names alone: among thousands
  /// of files only these are compared.
  private func related(to path: String) -> [FileGeneration] {
    let index = byCopyPrefix ?? copyPrefixes()
    byCopyPrefix = index
    let name = Self.name(of: path)
    var numbers: Set<Int64> = []
    for end in name.indices {
      if let found = index[String(name[...end])] { numbers.formUnion(found) }
    }
    return numbers.compactMap { generations[$0] }
  }

  private func copyPrefixes() -> [String: [Int64]] {
    var index: [String: [Int64]] = [:]
    for generation in generations.values {
      let name = Self.name(of: generation.currentPath)
      index[String(name), default: []].append(generation.number)
      let stem = Self.stem(of: name)
      if stem != name { index[String(stem), default: []].append(generation.number) }
    }
    return index
  }

  private static func name(of path: String) -> Substring { path.split(separator: "/").last ?? "" }
  private static func stem(of name: Substring) -> Substring {
    name.split(separator: ".").first ?? ""
  }

  /// Whether the names look like a file and its rotated form: `app.log` and `app.log.1`,
  /// `app-20260101.log`, `app.1.log`.
  private func isRelated(_ copy: FileGeneration, _ original: FileGeneration) -> Bool {
    guard original.position.offset > 0 else { return false }
    let copyName = Self.name(of: copy.currentPath)
    let originalName = Self.name(of: original.currentPath)
    if original.position.offset < Self.evidenceBytesMin {
      return copyName.hasPrefix("\(originalName).") || copyName.hasPrefix("\(originalName)-")
    }
    let stem = Self.stem(of: originalName)
    return !stem.isEmpty && copyName != originalName && copyName.hasPrefix(stem)
  }

  /// Only a file that stays under its name is copied and truncated.
  private func keepsItsName(_ original: FileGeneration) -> Bool {
    original.currentPath == original.position.path && !original.isRotatedAway
  }

  private func likeness(
    _ file: any File, _ size: Int64, _ original: FileGeneration
  ) throws(SystemError) -> Likeness {
    let position = original.position
    if size >= position.offset {
      let head = try file.readBytes(at: 0, count: Int(position.head.length))
      guard LineReader.fingerprint(head) == position.head else { return .different }
      let tail = try file.readBytes(
        at: position.offset - Int64(position.tail.length), count: Int(position.tail.length))
      return LineReader.fingerprint(tail) == position.tail ? .same : .different
    }
    if position.isTruncated {
      guard let place = original.checkpoints.last(where: { $0.offset <= size }),
        place.offset >= Int64(position.head.length)
      else { return .different }
      let head = try file.readBytes(at: 0, count: Int(position.head.length))
      let tail = try file.readBytes(
        at: place.offset - Int64(place.tail.length), count: Int(place.tail.length))
      return LineReader.fingerprint(head) == position.head
        && LineReader.fingerprint(tail) == place.tail ? .readAlready : .different
    }
    // A copy that is not complete can only be compared while the original is there.
    guard let source = original.file else { return .different }
    let count = Int(min(size, Int64(FileFingerprint.headBytesMax)))
    let start = size - Int64(min(Int(size), FileFingerprint.tailBytesMax))
    for (offset, length) in [(0, count), (start, Int(size - start))] {
      let theirs = try source.readBytes(at: offset, count: length)
      guard try file.readBytes(at: offset, count: length) == theirs else { return .different }
    }
    return .sameSoFar
  }

  /// Goes to the end of a copy that holds nothing new.
  private func passOver(
    _ copy: FileGeneration, _ file: any File, size: Int64
  ) throws(SystemError) {
    countCopy()
    let tailLength = Int(min(size, Int64(FileFingerprint.tailBytesMax)))
    let headLength = Int(min(size, Int64(FileFingerprint.headBytesMax)))
    copy.position.tail = LineReader.fingerprint(
      try file.readBytes(at: size - Int64(tailLength), count: tailLength))
    copy.position.head = LineReader.fingerprint(try file.readBytes(at: 0, count: headLength))
    copy.position.offset = size
    copy.isKnownOriginal = true
    copy.state = .reading
    copy.isDirty = true
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
    original.isDirty = true
    original.isKnownOriginal = true
    current[status] = original.number
    hasUnpublishedChanges = true
    reattach(file, path: path, to: original, now)
  }
}
