package import Bytes

/// How far one generation of a file has been read, and by what it is known again.
///
/// A generation is what was written to one inode between two truncations. It is found again after
/// a restart by inode and both fingerprints, whatever its name is by then.
package struct FilePosition: Hashable, Sendable {
  /// A stretch that was read and whose lines are not settled: part of a block held back.
  package struct HeldLine: Hashable, Sendable, BitwiseCopyable {
    package var start: Int64
    package var length: Int32

    package init(start: Int64, length: Int32) {
      self.start = start
      self.length = length
    }
  }

  /// Held lines of one file that are stored, at most.
  package static let heldLinesMax = 100_000

  /// The absolute path under which it was first seen: its lines keep this `filename`.
  package var path: String
  /// The job that reads it; each job has a position of its own in a file.
  package var job: String
  package var identity: FileIdentity
  /// Offset of the first byte that was not handed on; always a line's start, unless
  /// `isInsideOverlongLine`.
  package var offset: Int64 = 0
  /// Of the file's first bytes, none beyond `offset`.
  package var head = FileFingerprint.none
  /// Of the bytes just before `offset`.
  package var tail = FileFingerprint.none
  /// The line at `offset` was cut at the greatest length; its rest is to be passed over.
  package var isInsideOverlongLine = false
  /// The file was truncated since: only a copy of it can still hold the bytes from `offset` on.
  package var isTruncated = false
  /// Lines before `offset` that have to be read once more, in order.
  package var held: [HeldLine] = []

  package init(path: String, job: String, identity: FileIdentity) {
    self.path = path
    self.job = job
    self.identity = identity
  }
}

extension FilePosition {
  private static let version: UInt8 = 1

  /// The stored form; docs/formats/agent-positions.md.
  package func encoded() -> [UInt8] {
    var out: [UInt8] = [Self.version]
    out.append((isInsideOverlongLine ? 1 : 0) | (isTruncated ? 2 : 0))
    out.appendVarint(identity.device)
    out.appendVarint(identity.inode)
    out.appendVarint(UInt64(bitPattern: offset))
    for fingerprint in [head, tail] {
      out.appendVarint(UInt64(fingerprint.length))
      out.appendLittleEndian(fingerprint.hash)
    }
    for text in [path, job] {
      out.appendVarint(UInt64(text.utf8.count))
      out.append(utf8: text)
    }
    out.appendVarint(UInt64(held.count))
    for line in held {
      out.appendVarint(UInt64(bitPattern: line.start))
      out.appendVarint(UInt64(line.length))
    }
    return out
  }

  /// Throws ``ByteError`` on anything but the stored form of this version.
  package init(encoded bytes: [UInt8]) throws(ByteError) {
    var cursor = ByteCursor(bytes.span.bytes)
    guard try cursor.readByte() == Self.version else { throw .malformedText }
    let flags = try cursor.readByte()
    let device = try cursor.readVarint()
    let inode = try cursor.readVarint()
    offset = Int64(bitPattern: try cursor.readVarint())
    head = try Self.readFingerprint(&cursor, lengthMax: FileFingerprint.headBytesMax)
    tail = try Self.readFingerprint(&cursor, lengthMax: FileFingerprint.tailBytesMax)
    path = try Self.readText(&cursor)
    job = try Self.readText(&cursor)
    identity = FileIdentity(device: device, inode: inode)
    isInsideOverlongLine = flags & 1 != 0
    isTruncated = flags & 2 != 0
    let count = try cursor.readVarint()
    // Each held line takes two bytes or more.
    guard count <= UInt64(min(cursor.remaining / 2, Self.heldLinesMax)) else { throw .truncated }
    held.reserveCapacity(Int(count))
    for _ in 0..<count {
      let start = Int64(bitPattern: try cursor.readVarint())
      let length = try cursor.readVarint()
      guard length <= UInt64(Int32.max), start >= 0 else { throw .malformedVarint }
      held.append(HeldLine(start: start, length: Int32(length)))
    }
    guard offset >= Int64(tail.length), offset >= Int64(head.length), cursor.isAtEnd else {
      throw .malformedText
    }
  }

  private static func readText(_ cursor: inout ByteCursor) throws(ByteError) -> String {
    let length = try cursor.readLength()
    let bytes = try cursor.readBytes(length)
    return bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  private static func readFingerprint(
    _ cursor: inout ByteCursor, lengthMax: Int
  ) throws(ByteError) -> FileFingerprint {
    let length = try cursor.readVarint()
    guard length <= UInt64(lengthMax) else { throw .malformedVarint }
    return FileFingerprint(
      length: Int32(length), hash: try cursor.readLittleEndian(UInt64.self))
  }
}
