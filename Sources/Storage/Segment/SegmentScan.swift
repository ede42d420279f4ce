import Bytes
import LinuxIO

/// Finds the parts of a segment file, from its end or, where that is damaged, from its start.
struct SegmentScan {
  struct Header {
    var id: UInt64
    var kind: StoreKind
    var version: UInt32
    var finding: StorageFinding?
  }

  let path: String
  let file: any File
  let size: Int

  private func bytes(_ offset: Int, _ count: Int) throws(StorageError) -> [UInt8] {
    let bytes = try storing("reading a segment") { () throws(SystemError) in
      try file.readBytes(at: Int64(offset), count: count)
    }
    guard bytes.count == count else {
      throw .corrupt("it ends early", path: path, offset: Int64(offset + bytes.count))
    }
    return bytes
  }

  /// Reads the start of the file. A damaged one is reported, when it is known from elsewhere
  /// what it should say.
  func header(expecting record: SegmentRecord?) throws(StorageError) -> Header {
    guard size >= SegmentFormat.headerBytes + SegmentFormat.trailerBytes else {
      throw .corrupt("it ends early", path: path, offset: Int64(size))
    }
    let header = try bytes(0, SegmentFormat.headerBytes)
    let version = header.withUnsafeBytes { $0.littleEndian(UInt32.self, at: 8) }
    let isReadable = SegmentFormat.readableVersions.contains(version)
    if let record {
      guard isReadable,
        header == SegmentFormat.header(kind: record.kind, id: record.id, version: version)
      else {
        try refuseOtherVersion(header)
        let finding = StorageFinding(
          .corrupt, path: path, offset: 0, "the header is damaged; the catalog's copy is used")
        return Header(
          id: record.id, kind: record.kind, version: try trailerVersion(), finding: finding)
      }
      return Header(id: record.id, kind: record.kind, version: version)
    }
    return try header.withRawBytes { (header) throws(StorageError) -> Header in
      let id = header.littleEndian(UInt64.self, at: 16)
      guard isReadable, let kind = StoreKind(rawValue: header.littleEndian(UInt32.self, at: 12)),
        header.elementsEqual(SegmentFormat.header(kind: kind, id: id, version: version))
      else { throw .corrupt("the header is damaged", path: path, offset: 0) }
      return Header(id: id, kind: kind, version: version)
    }
  }

  /// The version that the trailer names, for want of a header.
  private func trailerVersion() throws(StorageError) -> UInt32 {
    let trailer = try bytes(size - SegmentFormat.trailerBytes, SegmentFormat.trailerBytes)
    let version = trailer.withUnsafeBytes { $0.littleEndian(UInt32.self, at: 12) }
    return SegmentFormat.readableVersions.contains(version) ? version : SegmentFormat.version
  }

  /// A header that is whole and of another version is not damage.
  private func refuseOtherVersion(_ header: [UInt8]) throws(StorageError) {
    try header.withRawBytes { (header) throws(StorageError) in
      let version = header.littleEndian(UInt32.self, at: 8)
      guard header.starts(with: SegmentFormat.magic),
        !SegmentFormat.readableVersions.contains(version),
        XXH3.hash(UnsafeRawBufferPointer(rebasing: header[..<24]))
          == header.littleEndian(UInt64.self, at: 24)
      else { return }
      throw StorageError(
        .unknownVersion,
        "\(path) has format version \(version), this program reads \(SegmentFormat.version)",
        path: path, offset: 8)
    }
  }

  /// The directory, found through the trailer.
  func directory(_ header: Header) throws(StorageError) -> SegmentDirectory {
    let id = header.id
    let trailerStart = size - SegmentFormat.trailerBytes
    let trailer = try bytes(trailerStart, SegmentFormat.trailerBytes)
    let (offset, count) = trailer.withUnsafeBytes { trailer in
      (
        Int(clamping: trailer.littleEndian(UInt64.self, at: 0)),
        Int(trailer.littleEndian(UInt32.self, at: 8))
      )
    }
    guard
      trailer
        == SegmentFormat.trailer(
          directoryOffset: offset, directoryBytes: count, id: id, version: header.version),
      count >= SegmentFormat.pageHeaderBytes, offset >= SegmentFormat.headerBytes,
      offset == trailerStart - count
    else { throw .corrupt("the trailer is damaged", path: path, offset: Int64(trailerStart)) }
    let page = try bytes(offset, count)
    let payload = page[SegmentFormat.pageHeaderBytes...]
    do throws(ByteError) {
      let directory = try SegmentDirectory(
        Array(payload).span.bytes, version: header.version)
      guard isDirectoryPage(page, number: directory.pages.count, id: id),
        directory.id == id, directory.kind == header.kind, directory.end == offset
      else { throw ByteError.malformedText }
      return directory
    } catch {
      throw .corrupt("the directory is damaged", path: path, offset: Int64(offset))
    }
  }

  private func isDirectoryPage(_ page: [UInt8], number: Int, id: UInt64) -> Bool {
    page.withUnsafeBytes { page in
      let payload = UnsafeRawBufferPointer(rebasing: page[SegmentFormat.pageHeaderBytes...])
      let head = SegmentFormat.pageHead(
        type: SegmentFormat.directoryType, number: number, length: payload.count)
      return page[..<16].elementsEqual(head)
        && page.littleEndian(UInt64.self, at: 16)
          == head.withUnsafeBytes {
            SegmentFormat.checksum(head: $0, payload: payload, segment: id)
          }
    }
  }

  /// All pages from the start on whose headers lead to one another; their payloads are checked
  /// when they are read.
  func walk(id: UInt64) throws(StorageError) -> [SegmentPage] {
    var pages: [SegmentPage] = []
    var offset = SegmentFormat.headerBytes
    while offset + SegmentFormat.pageHeaderBytes <= size, pages.count < SegmentFormat.pageCountMax {
      let header = try bytes(offset, SegmentFormat.pageHeaderBytes)
      let (mark, type, number, length, checksum) = header.withUnsafeBytes { header in
        (
          header.littleEndian(UInt32.self, at: 0), header.littleEndian(UInt16.self, at: 4),
          Int(header.littleEndian(UInt32.self, at: 8)),
          Int(header.littleEndian(UInt32.self, at: 12)), header.littleEndian(UInt64.self, at: 16)
        )
      }
      guard mark == SegmentFormat.pageMark, type < SegmentFormat.directoryType,
        number == pages.count, length <= size - offset - SegmentFormat.pageHeaderBytes
      else { break }
      pages.append(SegmentPage(type: type, offset: offset, length: length, checksum: checksum))
      offset += SegmentFormat.pageHeaderBytes + length
    }
    guard !pages.isEmpty else {
      throw .corrupt("no page can be found", path: path, offset: Int64(offset))
    }
    return pages
  }
}

extension SegmentDirectory {
  /// Where the last of its pages ends.
  var end: Int {
    pages.last.map { $0.offset + SegmentFormat.pageHeaderBytes + $0.length }
      ?? SegmentFormat.headerBytes
  }
}
