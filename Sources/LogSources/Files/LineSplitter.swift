import Bytes
import CLinux

/// Tells lines apart in what was read of one file.
struct LineSplitter {
  let limits: LineReader.Limits
  let encoding: LineEncoding
  let unit: LineEncoding.Unit

  /// Where the next newline begins, or -1; `bytes` begins where a unit does.
  func newline(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    guard let base = bytes.baseAddress else { return -1 }
    guard unit != .byte else {
      let found = linux_index_of_byte(base + start, 10, bytes.count - start)
      return found < 0 ? -1 : start + found
    }
    var at = start
    while at + 1 < bytes.count {
      let (first, second) = (bytes[at], bytes[at + 1])
      if unit == .littleEndian ? first == 10 && second == 0 : first == 0 && second == 10 {
        return at
      }
      at += 2
    }
    return -1
  }

  /// Hands on whole lines and moves `position` over them, one at a time. Gives the count of bytes
  /// after the last one, and whether the taker had enough.
  func split(
    _ bytes: UnsafeRawBufferPointer, _ position: inout FilePosition,
    _ counters: inout FileCounters, _ line: (UnsafeRawBufferPointer, Int64, Int32) -> Bool
  ) -> (rest: Int, isPaused: Bool) {
    var start = 0
    var goesOn = true
    while goesOn, start < bytes.count {
      let end = newline(in: bytes, from: start)
      guard end >= 0 else { break }
      let whole = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      let length = end - start + unit.width
      if position.isInsideOverlongLine {
        position.isInsideOverlongLine = false
      } else if whole.count > limits.lineBytesMax {
        counters.overlongLines &+= 1
        if limits.cutsOverlongLines {
          goesOn = handOn(cut(whole), position.offset, Int32(length), line)
          counters.readLines &+= 1
        }
      } else {
        goesOn = handOn(whole, position.offset, Int32(length), line)
        counters.readLines &+= 1
      }
      position.offset += Int64(length)
      start += length
    }
    return (bytes.count - start, !goesOn)
  }

  /// Cuts the unfinished line at the end of `bytes`, which is too long already, and moves over it.
  func passOverRest(
    _ bytes: UnsafeRawBufferPointer, rest: Int, _ position: inout FilePosition,
    _ counters: inout FileCounters, _ line: (UnsafeRawBufferPointer, Int64, Int32) -> Bool
  ) {
    // Half a unit waits for its other half.
    let rest = rest / unit.width * unit.width
    if !position.isInsideOverlongLine {
      counters.overlongLines &+= 1
      position.isInsideOverlongLine = true
      if limits.cutsOverlongLines {
        let start = bytes.count - bytes.count % unit.width - rest
        let whole = UnsafeRawBufferPointer(rebasing: bytes[start..<start + rest])
        _ = handOn(cut(whole), position.offset, Int32(rest), line)
        counters.readLines &+= 1
      }
    }
    position.offset += Int64(rest)
  }

  private func cut(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let most = limits.lineBytesMax / unit.width * unit.width
    return UnsafeRawBufferPointer(rebasing: line[..<min(line.count, most)])
  }

  @inline(__always)
  private func handOn(
    _ raw: UnsafeRawBufferPointer, _ start: Int64, _ length: Int32,
    _ line: (UnsafeRawBufferPointer, Int64, Int32) -> Bool
  ) -> Bool {
    encoding.decode(raw, unit) { line($0, start, length) }
  }
}
