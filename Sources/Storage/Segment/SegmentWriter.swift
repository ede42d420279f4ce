import Bytes
import LinuxIO

/// Writes one segment file page by page. Made by ``SegmentOutput``; used by one thread.
package final class SegmentWriter {
  /// Bytes are gathered up to this many before they are written.
  static let bufferBytes = 1 << 20

  package let id: UInt64
  let path: String
  private let file: any File
  private let kind: StoreKind
  private var buffer: [UInt8]
  private var written = 0
  private var pages: [SegmentPage] = []
  private(set) var summary: SegmentSummary?
  private(set) var byteCount = 0
  /// Called at each page: may rest, and throws to end the work.
  private let pace: (() throws(StorageError) -> Void)?

  init(
    _ file: any File, path: String, kind: StoreKind, id: UInt64,
    pace: (() throws(StorageError) -> Void)?
  ) {
    self.pace = pace
    self.file = file
    self.path = path
    self.kind = kind
    self.id = id
    buffer = SegmentFormat.header(kind: kind, id: id)
  }

  /// Adds a page and returns its number: 0, 1, ….
  ///
  /// `type` is the store's own, 1 to 0x7fff. A page holds 1 GiB at most.
  @discardableResult
  package func append(_ type: UInt16, _ payload: UnsafeRawBufferPointer) throws(StorageError) -> Int
  {
    precondition(type > 0 && type < SegmentFormat.directoryType, "page types are below 0x8000")
    precondition(summary == nil, "the segment is finished")
    try pace?()
    return try write(type, payload)
  }

  @discardableResult
  package func append(_ type: UInt16, _ payload: [UInt8]) throws(StorageError) -> Int {
    try payload.withRawBytes { (payload) throws(StorageError) in
      try append(type, payload)
    }
  }

  /// Says what the segment holds. Without it the segment is not kept.
  package func finish(_ summary: SegmentSummary) { self.summary = summary }

  /// Says by how many mergings it came about.
  func setLevel(_ level: Int) { summary?.level = level }

  private func write(_ type: UInt16, _ payload: UnsafeRawBufferPointer) throws(StorageError) -> Int
  {
    let number = pages.count
    guard payload.count <= SegmentFormat.payloadBytesMax, number < SegmentFormat.pageCountMax else {
      throw StorageError(
        .tooLarge, "a page of \(payload.count) bytes is over the limit of a segment", path: path)
    }
    let head = SegmentFormat.pageHead(type: type, number: number, length: payload.count)
    let checksum = head.withUnsafeBytes {
      SegmentFormat.checksum(head: $0, payload: payload, segment: id)
    }
    pages.append(
      SegmentPage(
        type: type, offset: written + buffer.count, length: payload.count, checksum: checksum))
    buffer.append(contentsOf: head)
    buffer.appendLittleEndian(checksum)
    buffer.append(contentsOf: payload)
    if buffer.count >= Self.bufferBytes { try drain() }
    return number
  }

  private func drain() throws(StorageError) {
    try storing("writing a segment") { () throws(SystemError) in
      try file.write(buffer, at: Int64(written))
    }
    written += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }

  /// Writes directory and trailer and makes the content durable. The name is not yet.
  func seal(releasesThrough: UInt64, lineage: SegmentLineage) throws(StorageError)
    -> SegmentDirectory
  {
    guard let summary else { preconditionFailure("finished segments alone are sealed") }
    let directory = SegmentDirectory(
      kind: kind, id: id, summary: summary, releasesThrough: releasesThrough, pages: pages,
      lineage: lineage)
    let offset = written + buffer.count
    let payload = directory.encoded()
    _ = try payload.withRawBytes { (payload) throws(StorageError) in
      try write(SegmentFormat.directoryType, payload)
    }
    let bytes = written + buffer.count - offset
    buffer.append(
      contentsOf: SegmentFormat.trailer(directoryOffset: offset, directoryBytes: bytes, id: id))
    try drain()
    byteCount = written
    try storing("making a segment durable") { () throws(SystemError) in
      try file.sync(.full)
      try file.close()
    }
    return directory
  }
}
