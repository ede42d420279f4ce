import LinuxIO

/// What a run leaves to the next one, and what is never read.
extension FileTailer {
  /// Lines of one file that were held back when the last run ended.
  struct HeldBack {
    /// The generation as which they are handed on.
    let number: Int64
    /// Where they are read: they stand in a copy as they stood in its original.
    let file: any File
  }

  /// Has the lines that were held back when the last run ended read once more, if there are any.
  func rereadHeldLines(of generation: FileGeneration) {
    guard !generation.restoredHeld.isEmpty, let file = generation.file else { return }
    reread.append(HeldBack(number: generation.number, file: file))
  }

  /// Hands them on; until then they count as held.
  func handOnHeldLines(_ sink: any LineSink) {
    let waiting = reread
    reread = []
    for one in waiting {
      guard let generation = generations[one.number], !generation.restoredHeld.isEmpty else {
        continue
      }
      do throws(SystemError) {
        let texts = try texts(of: generation.restoredHeld, in: one.file)
        // In a file that was truncated they are not; then they wait for a copy.
        guard try reader.verify(one.file, generation.position) else { continue }
        let lines = generation.restoredHeld
        generation.restoredHeld = []
        for (index, bytes) in texts.enumerated() {
          do throws(SystemError) {
            try handOn(lines[index], bytes, of: generation, in: one.file, sink)
          } catch {
            // What was not handed on is held still.
            generation.restoredHeld = Array(lines[index...])
            throw error
          }
        }
      } catch { failed(generation, error) }
    }
  }

  private func texts(
    of lines: [FilePosition.HeldLine], in file: any File
  ) throws(SystemError) -> [[UInt8]] {
    var texts: [[UInt8]] = []
    for line in lines {
      texts.append(try file.readBytes(at: line.start, count: Int(line.length)))
    }
    return texts
  }

  private func handOn(
    _ held: FilePosition.HeldLine, _ bytes: [UInt8], of generation: FileGeneration,
    in file: any File, _ sink: any LineSink
  ) throws(SystemError) {
    guard bytes.count == Int(held.length) else {
      counters.goneHeldLines &+= 1
      return
    }
    let origin = LineOrigin(source: generation.number, start: held.start, length: held.length)
    try reader.decode(bytes, of: file) {
      _ = sink.take(
        line: $0, path: generation.position.path, target: generation.target, origin: origin)
    }
  }

  /// Counts and tells what will not be read of a generation any more.
  func countGap(of generation: FileGeneration) {
    countUnread(of: generation)
    let held = generation.restoredHeld.count
    guard held > 0 else { return }
    counters.goneHeldLines &+= UInt64(held)
    generation.restoredHeld = []
    log.warn(
      "a file is gone whose lines were held back when the last run ended",
      ["path": generation.currentPath, "lines": held])
  }

  /// Counts and tells how much a file had beyond the place that was reached.
  func countUnread(of generation: FileGeneration) {
    let unread = generation.unreadBytes
    guard unread > 0 else { return }
    let message: StaticString
    if generation.position.isTruncated {
      counters.destroyedBytes &+= unread
      message = "a file was truncated before all of it was read"
    } else {
      counters.goneFiles &+= 1
      counters.goneBytes &+= unread
      message = "a file is gone before all of it was read"
    }
    log.warn(
      message,
      [
        "path": generation.currentPath, "bytes": unread, "offset": generation.position.offset,
      ])
    // Counted once, by this run or a later one.
    generation.position.size = generation.position.offset
    generation.isDirty = true
  }

  /// Counts files that discovery saw and that were gone before they could be opened.
  func countGone(_ gone: FileMailbox.Gone) {
    counters.goneFiles &+= gone.files
    counters.goneBytes &+= gone.bytes
  }
}
