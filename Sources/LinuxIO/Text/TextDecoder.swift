import Glibc

/// Turns text of another encoding into UTF-8, by the C library's iconv; for one thread.
///
/// Each call is a text of its own. Bytes that mean nothing become U+FFFD.
package final class TextDecoder {
  private let converter: iconv_t
  private var out: [UInt8] = []

  private static let replacement: [UInt8] = [0xef, 0xbf, 0xbd]

  /// nil for an encoding (an IANA name such as `windows-1252`) that the C library does not have.
  package init?(encoding: String) {
    guard let made = iconv_open("UTF-8", encoding), made != iconv_t(bitPattern: -1) else {
      return nil
    }
    converter = made
  }

  deinit { iconv_close(converter) }

  /// Calls `body` with the UTF-8 form, lent for the call.
  package func decode<T>(
    _ text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> T
  ) -> T {
    iconv(converter, nil, nil, nil, nil)
    out.removeAll(keepingCapacity: true)
    // The library does not write to its input.
    var input = UnsafeMutableRawPointer(mutating: text.baseAddress)?
      .assumingMemoryBound(to: CChar.self)
    var left = text.count
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
      while left > 0 {
        var to = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
        var room = buffer.count
        let status = iconv(converter, &input, &left, &to, &room)
        let code = errno
        out.append(contentsOf: buffer[..<(buffer.count - room)])
        guard status == -1, code != E2BIG else { continue }
        // One byte is passed over: what is malformed, or cut off at the end.
        out += Self.replacement
        guard left > 0 else { return }
        input = input?.advanced(by: 1)
        left -= 1
      }
    }
    return out.withUnsafeBytes { body($0) }
  }
}
