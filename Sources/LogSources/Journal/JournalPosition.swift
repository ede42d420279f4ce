package import Bytes

/// How far a journal has been read.
package struct JournalPosition: Hashable, Sendable {
  /// Cursors of held entries that are stored, at most.
  package static let heldMax = 100_000

  /// Of the last entry that was handed on.
  package var cursor: String
  /// Entries before it that have to be read once more, in order.
  package var held: [String]

  package init(cursor: String, held: [String] = []) {
    self.cursor = cursor
    self.held = held
  }

  /// The stored form; docs/formats/agent-positions.md.
  package func encoded() -> [UInt8] {
    var out: [UInt8] = [1]
    out.appendVarint(UInt64(held.count))
    for text in [cursor] + held {
      out.appendVarint(UInt64(text.utf8.count))
      out.append(utf8: text)
    }
    return out
  }

  /// Throws ``ByteError`` on anything but the stored form of this version.
  package init(encoded bytes: [UInt8]) throws(ByteError) {
    var bytesLeft = ByteCursor(bytes.span.bytes)
    guard try bytesLeft.readByte() == 1 else { throw .malformedText }
    let count = try bytesLeft.readVarint()
    guard count <= UInt64(min(bytesLeft.remaining, Self.heldMax)) else { throw .truncated }
    var texts: [String] = []
    for _ in 0...count {
      let length = try bytesLeft.readLength()
      let text = try bytesLeft.readBytes(length)
      texts.append(text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
    }
    guard bytesLeft.isAtEnd else { throw .malformedText }
    cursor = texts[0]
    held = Array(texts.dropFirst())
  }
}
