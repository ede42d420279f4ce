/// Whether bytes are UTF-8, ASCII eight bytes at a time.
package enum UTF8Check {
  @inlinable
  package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var at = 0
    while at + 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      if word & 0x8080_8080_8080_8080 != 0 { return isValidText(bytes, from: at) }
      at += 8
    }
    while at < bytes.count {
      if bytes[at] >= 0x80 { return isValidText(bytes, from: at) }
      at += 1
    }
    return true
  }

  /// Everything before `start` is ASCII, so that a character begins there.
  @usableFromInline
  package static func isValidText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Bool {
    String(validating: bytes[start...], as: UTF8.self) != nil
  }
}
