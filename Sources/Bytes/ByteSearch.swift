import CLinux

/// Finding byte strings in bytes, several positions at once where the processor can.
package enum ByteSearch {
  /// The index of the first occurrence of `needle` at or after `start`, or nil. An empty needle
  /// is found at `start`.
  package static func firstIndex(
    of needle: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer, from start: Int = 0
  ) -> Int? {
    guard start >= 0, start <= bytes.count else { return nil }
    let count = bytes.count - start
    guard count >= needle.count else { return nil }
    guard let base = bytes.baseAddress, let pattern = needle.baseAddress else {
      return needle.isEmpty ? start : nil
    }
    let found = linux_find(base + start, count, pattern, needle.count)
    return found == count && !needle.isEmpty ? nil : start + found
  }

  package static func firstIndex(
    of needle: [UInt8], in bytes: UnsafeRawBufferPointer, from start: Int = 0
  ) -> Int? {
    needle.withUnsafeBytes { firstIndex(of: $0, in: bytes, from: start) }
  }

  /// The same, byte by byte: what ``firstIndex(of:in:from:)`` is tested against.
  package static func plainFirstIndex(of needle: [UInt8], in bytes: [UInt8]) -> Int? {
    let found = needle.withUnsafeBytes { wanted in
      bytes.withUnsafeBytes { text in
        linux_find_plain(text.baseAddress, text.count, wanted.baseAddress, wanted.count)
      }
    }
    return found == bytes.count && !needle.isEmpty ? nil : found
  }
}

extension UnsafeRawBufferPointer {
  /// Whether both have the same bytes.
  @inline(__always) @inlinable
  package func equals(_ other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count else { return false }
    var at = 0
    // In bounds: at + 8 was compared with the count of both.
    while at + 8 <= count {
      if loadUnaligned(fromByteOffset: at, as: UInt64.self)
        != other.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      {
        return false
      }
      at += 8
    }
    while at < count {
      if self[at] != other[at] { return false }
      at += 1
    }
    return true
  }

  /// Whether it sorts before `other`, byte by byte.
  @inlinable package func precedes(_ other: UnsafeRawBufferPointer) -> Bool {
    let shared = Swift.min(count, other.count)
    var at = 0
    // In bounds: at + 8 was compared with the count of both.
    while at + 8 <= shared {
      let own = loadUnaligned(fromByteOffset: at, as: UInt64.self)
      let others = other.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      if own != others { return UInt64(bigEndian: own) < UInt64(bigEndian: others) }
      at += 8
    }
    while at < shared {
      if self[at] != other[at] { return self[at] < other[at] }
      at += 1
    }
    return count < other.count
  }
}
