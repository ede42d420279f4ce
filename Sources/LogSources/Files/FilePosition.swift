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

  /// Held lines of one file that are stored, at most; stages let go of them before.
  package static let heldLinesMax = 100_000

  /// The absolute path under which it was first seen: its lines keep this `filename`.
  @ByteText package var path: String
  /// The job that reads it; each job has a position of its own in a file.
  @ByteText package var job: String
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
  /// The greatest size that was seen, for accounts of what is never read.
  package var size: Int64 = 0
  /// When it was noticed that the file is not there any more or was truncated, in seconds since
  /// 1970; 0 while it is there.
  package var goneSinceSeconds: Int64 = 0
  /// Places that were passed, by which a shorter copy is known.
  package var places = FilePlaces()

  package init(path: String, job: String, identity: FileIdentity) {
    self.path = path
    self.job = job
    self.identity = identity
  }
}

extension FilePosition {
  private static let version: UInt8 = 2

  /// The stored form; docs/formats/agent-positions.md.
  ///
  /// Of more held lines than ``heldLinesMax`` the last ones are left out.
  package func encoded() -> [UInt8] {
    var out: [UInt8] = [Self.version]
    out.append((isInsideOverlongLine ? 1 : 0) | (isTruncated ? 2 : 0))
    out.appendVarint(identity.device)
    out.appendVarint(identity.inode)
    out.appendVarint(UInt64(bitPattern: offset))
    for fingerprint in [head, tail] { Self.append(fingerprint, to: &out) }
    for text in [path, job] {
      out.appendVarint(UInt64(text.utf8.count))
      out.append(utf8: text)
    }
    out.appendVarint(UInt64(bitPattern: size))
    out.appendVarint(UInt64(bitPattern: goneSinceSeconds))
    out.appendVarint(UInt64(places.all.count))
    for place in places.all {
      out.appendVarint(UInt64(place.offset))
      Self.append(place.tail, to: &out)
    }
    Self.append(held.prefix(Self.heldLinesMax), to: &out)
    return out
  }

  private static func append(_ fingerprint: FileFingerprint, to out: inout [UInt8]) {
    out.appendVarint(UInt64(fingerprint.length))
    out.appendLittleEndian(fingerprint.hash)
  }

  /// Lines that follow one another are one run: a start, a count and lengths.
  private static func append(_ held: ArraySlice<HeldLine>, to out: inout [UInt8]) {
    out.appendVarint(UInt64(held.count))
    var at = held.startIndex
    while at < held.endIndex {
      var end = at
      var next = held[at].start
      while end < held.endIndex, held[end].start == next {
        next = next &+ Int64(held[end].length)
        end += 1
      }
      out.appendVarint(UInt64(bitPattern: held[at].start))
      out.appendVarint(UInt64(end - at))
      for line in held[at..<end] { out.appendVarint(UInt64(line.length)) }
      at = end
    }
  }

  /// Throws ``ByteError`` on anything but the stored form of this version or the one before.
  package init(encoded bytes: [UInt8]) throws(ByteError) {
    var cursor = ByteCursor(bytes.span.bytes)
    let version = try cursor.readByte()
    guard version == Self.version || version == 1 else { throw .malformedText }
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
    if version == 1 {
      size = offset
      held = try Self.readLines(&cursor)
    } else {
      size = Int64(bitPattern: try cursor.readVarint())
      goneSinceSeconds = Int64(bitPattern: try cursor.readVarint())
      places = try Self.readPlaces(&cursor)
      held = try Self.readRuns(&cursor)
    }
    guard offset >= Int64(tail.length), offset >= Int64(head.length), cursor.isAtEnd else {
      throw .malformedText
    }
  }

  private static func readCount(_ cursor: inout ByteCursor, bytesMin: Int) throws(ByteError) -> Int
  {
    let count = try cursor.readVarint()
    guard count <= UInt64(min(cursor.remaining / bytesMin, heldLinesMax)) else { throw .truncated }
    return Int(count)
  }

  private static func readOffset(_ cursor: inout ByteCursor) throws(ByteError) -> Int64 {
    let offset = Int64(bitPattern: try cursor.readVarint())
    guard offset >= 0 else { throw .malformedVarint }
    return offset
  }

  private static func readLength(_ cursor: inout ByteCursor) throws(ByteError) -> Int32 {
    let length = try cursor.readVarint()
    guard length <= UInt64(Int32.max) else { throw .malformedVarint }
    return Int32(length)
  }

  /// Held lines of version 1: each has its start.
  private static func readLines(_ cursor: inout ByteCursor) throws(ByteError) -> [HeldLine] {
    let count = try readCount(&cursor, bytesMin: 2)
    var lines: [HeldLine] = []
    lines.reserveCapacity(count)
    for _ in 0..<count {
      let start = try readOffset(&cursor)
      lines.append(HeldLine(start: start, length: try readLength(&cursor)))
    }
    return lines
  }

  private static func readRuns(_ cursor: inout ByteCursor) throws(ByteError) -> [HeldLine] {
    let count = try readCount(&cursor, bytesMin: 1)
    var lines: [HeldLine] = []
    lines.reserveCapacity(count)
    while lines.count < count {
      var start = try readOffset(&cursor)
      let run = try cursor.readVarint()
      guard run > 0, run <= UInt64(count - lines.count) else { throw .malformedVarint }
      for _ in 0..<run {
        let length = try readLength(&cursor)
        guard start >= 0 else { throw .malformedVarint }
        lines.append(HeldLine(start: start, length: length))
        start = start &+ Int64(length)
      }
    }
    return lines
  }

  private static func readPlaces(_ cursor: inout ByteCursor) throws(ByteError) -> FilePlaces {
    let count = try cursor.readVarint()
    guard count <= UInt64(FilePlaces.countMax) else { throw .malformedVarint }
    var places: [FilePlaces.Place] = []
    for _ in 0..<count {
      let offset = try readOffset(&cursor)
      let tail = try readFingerprint(&cursor, lengthMax: FileFingerprint.tailBytesMax)
      guard offset >= Int64(tail.length), offset > places.last?.offset ?? -1 else {
        throw .malformedVarint
      }
      places.append(FilePlaces.Place(offset: offset, tail: tail))
    }
    return FilePlaces(stored: places)
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
