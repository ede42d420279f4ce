import Bytes
package import TelemetryModel

/// Which store a file belongs to.
package enum StoreKind: UInt32, Hashable, Sendable {
  case logs = 1
  case spans = 2

  package var name: String {
    switch self {
    case .logs: "logs"
    case .spans: "spans"
    }
  }
}

/// What a segment holds, for the catalog and for those who look for rows.
package struct SegmentSummary: Hashable, Sendable {
  /// Whose rows these are, or nil for rows of several tenants.
  package var tenant: String?
  /// The times of the oldest and the newest row.
  package var oldest: Timestamp
  package var newest: Timestamp
  package var rowCount: Int
  /// Bytes of the rows as they came in.
  package var rawByteCount: Int
  /// 0 for a flushed head, more for what compaction made.
  package var level: Int

  package init(
    tenant: String? = nil, oldest: Timestamp, newest: Timestamp, rowCount: Int,
    rawByteCount: Int, level: Int = 0
  ) {
    self.tenant = tenant
    self.oldest = oldest
    self.newest = newest
    self.rowCount = rowCount
    self.rawByteCount = rawByteCount
    self.level = level
  }
}

/// Where a page lies in its segment file.
package struct SegmentPage: Hashable, Sendable {
  /// The store's own, 1 to 0x7fff.
  package var type: UInt16
  /// Where its header begins.
  package var offset: Int
  /// Bytes of its payload.
  package var length: Int
  var checksum: UInt64
}

/// The bytes of a segment file, version 2: see docs/formats/segment.md.
enum SegmentFormat {
  static let version: UInt32 = 2
  /// Version 1 has no lineage in its directory.
  static let readableVersions: ClosedRange<UInt32> = 1...2
  static let magic = Array("SLUICSEG".utf8)
  static let trailerMagic = Array("SLUICEND".utf8)
  static let pageMark: UInt32 = 0x4547_4150
  static let headerBytes = 32
  static let pageHeaderBytes = 24
  static let trailerBytes = 40
  static let payloadBytesMax = 1 << 30
  static let pageCountMax = 1 << 22
  /// The page that lists the others; it stands last.
  static let directoryType: UInt16 = 0x8000

  static func header(kind: StoreKind, id: UInt64, version: UInt32 = version) -> [UInt8] {
    var out = magic
    out.appendLittleEndian(version)
    out.appendLittleEndian(kind.rawValue)
    out.appendLittleEndian(id)
    out.appendLittleEndian(XXH3.hash(out))
    return out
  }

  /// Mark, type, number and length: what a page's checksum begins with.
  static func pageHead(type: UInt16, number: Int, length: Int) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(pageHeaderBytes)
    out.appendLittleEndian(pageMark)
    out.appendLittleEndian(type)
    out.appendLittleEndian(UInt16(0))
    out.appendLittleEndian(UInt32(truncatingIfNeeded: number))
    out.appendLittleEndian(UInt32(truncatingIfNeeded: length))
    return out
  }

  /// Chained over the segment's id, the page's head and its payload, so that a page of another
  /// file or place is as wrong as a changed one.
  static func checksum(
    head: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer, segment id: UInt64
  ) -> UInt64 {
    XXH3.hash(payload, seed: XXH3.hash(head, seed: id))
  }

  static func trailer(
    directoryOffset: Int, directoryBytes: Int, id: UInt64, version: UInt32 = version
  ) -> [UInt8] {
    var out: [UInt8] = []
    out.appendLittleEndian(UInt64(directoryOffset))
    out.appendLittleEndian(UInt32(truncatingIfNeeded: directoryBytes))
    out.appendLittleEndian(version)
    out.appendLittleEndian(id)
    out.append(contentsOf: trailerMagic)
    out.appendLittleEndian(XXH3.hash(out))
    return out
  }
}

/// Where the rows of a segment come from.
struct SegmentLineage: Hashable {
  /// Rows of deletes up to this one are not in it.
  var deletesThrough: UInt64 = 0
  /// Segments whose rows it took over: where it is, they count no more.
  var replaces: [UInt64] = []
}

/// The last page of a segment: what the file is, so that a catalog can be made anew from it.
struct SegmentDirectory: Hashable {
  var kind: StoreKind
  var id: UInt64
  var summary: SegmentSummary
  /// The WAL records that this and earlier segments make superfluous; 0 in all segments of a
  /// flush but the last. A segment that replaces others has the greatest of theirs.
  var releasesThrough: UInt64
  var pages: [SegmentPage]
  var lineage = SegmentLineage()

  func encoded() -> [UInt8] {
    var out: [UInt8] = []
    out.appendLittleEndian(kind.rawValue)
    out.appendLittleEndian(UInt32(truncatingIfNeeded: summary.level))
    out.appendLittleEndian(id)
    out.appendLittleEndian(releasesThrough)
    out.appendLittleEndian(summary.oldest.nanoseconds)
    out.appendLittleEndian(summary.newest.nanoseconds)
    out.appendLittleEndian(UInt64(summary.rowCount))
    out.appendLittleEndian(UInt64(summary.rawByteCount))
    out.append(summary.tenant == nil ? 0 : 1)
    let tenant = Array((summary.tenant ?? "").utf8)
    out.appendVarint(UInt64(tenant.count))
    out.append(contentsOf: tenant)
    out.appendVarint(UInt64(pages.count))
    for page in pages {
      out.appendLittleEndian(page.type)
      out.appendVarint(UInt64(page.length))
      out.appendLittleEndian(page.checksum)
    }
    out.appendVarint(lineage.deletesThrough)
    out.appendVarint(UInt64(lineage.replaces.count))
    for id in lineage.replaces { out.appendLittleEndian(id) }
    return out
  }

  /// Throws ``ByteError`` on malformed bytes; the checksum was right, but nothing is trusted.
  init(_ bytes: RawSpan, version: UInt32 = SegmentFormat.version) throws(ByteError) {
    var cursor = ByteCursor(bytes)
    guard let kind = StoreKind(rawValue: try cursor.readLittleEndian(UInt32.self)) else {
      throw .malformedText
    }
    self.kind = kind
    let level = Int(try cursor.readLittleEndian(UInt32.self))
    id = try cursor.readLittleEndian(UInt64.self)
    releasesThrough = try cursor.readLittleEndian(UInt64.self)
    let oldest = Timestamp(nanoseconds: try cursor.readLittleEndian(Int64.self))
    let newest = Timestamp(nanoseconds: try cursor.readLittleEndian(Int64.self))
    let rows = Int(clamping: try cursor.readLittleEndian(UInt64.self))
    let rawBytes = Int(clamping: try cursor.readLittleEndian(UInt64.self))
    let hasTenant = try cursor.readByte() == 1
    let tenantBytes = try cursor.readBytes(try cursor.readLength())
    let tenant = tenantBytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    summary = SegmentSummary(
      tenant: hasTenant ? tenant : nil, oldest: oldest, newest: newest, rowCount: rows,
      rawByteCount: rawBytes, level: level)
    // Each entry takes 11 bytes at least.
    let count = try cursor.readLength()
    guard count <= SegmentFormat.pageCountMax else { throw .truncated }
    pages = []
    pages.reserveCapacity(count)
    var offset = SegmentFormat.headerBytes
    for _ in 0..<count {
      let type = try cursor.readLittleEndian(UInt16.self)
      let length = try cursor.readVarint()
      guard length <= UInt64(SegmentFormat.payloadBytesMax) else { throw .malformedVarint }
      let checksum = try cursor.readLittleEndian(UInt64.self)
      pages.append(
        SegmentPage(type: type, offset: offset, length: Int(length), checksum: checksum))
      offset += SegmentFormat.pageHeaderBytes + Int(length)
    }
    if version >= 2 {
      lineage.deletesThrough = try cursor.readVarint()
      // Each id takes 8 bytes; ``ByteCursor/readLength()`` is bounded by what is left.
      for _ in 0..<(try cursor.readLength()) {
        lineage.replaces.append(try cursor.readLittleEndian(UInt64.self))
      }
    }
    guard cursor.isAtEnd else { throw .malformedText }
  }

  init(
    kind: StoreKind, id: UInt64, summary: SegmentSummary, releasesThrough: UInt64,
    pages: [SegmentPage], lineage: SegmentLineage = SegmentLineage()
  ) {
    self.lineage = lineage
    self.kind = kind
    self.id = id
    self.summary = summary
    self.releasesThrough = releasesThrough
    self.pages = pages
  }
}
