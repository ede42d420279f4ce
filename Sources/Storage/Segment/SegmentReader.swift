import Bytes
import LinuxIO
import Synchronization

/// An open segment file: every page is checked each time that it is read as a whole.
final class SegmentReader: Sendable {
  let path: String
  let directory: SegmentDirectory
  /// Damage outside of the pages that was found and worked around.
  let findings: [StorageFinding]
  private let file: any File

  /// Opens by the trailer and the directory; where these are damaged, by walking from page to
  /// page. Throws ``StorageError/Code/corrupt`` when neither leads anywhere.
  ///
  /// `record` is what the catalog knows; it fills in for a directory that is lost.
  init(
    path: String, fileSystem: any FileSystem, record: SegmentRecord?
  ) throws(StorageError) {
    self.path = path
    let (file, size) = try storing("opening a segment") { () throws(SystemError) in
      let file = try fileSystem.open(path, .read)
      return (file, Int(try file.size()))
    }
    self.file = file
    var findings: [StorageFinding] = []
    let scan = SegmentScan(path: path, file: file, size: size)
    let header = try scan.header(expecting: record)
    if let finding = header.finding { findings.append(finding) }
    do throws(StorageError) {
      directory = try scan.directory(header)
    } catch {
      guard error.code == .corrupt, let record else { throw error }
      findings.append(
        StorageFinding(.corrupt, path: path, offset: error.offset ?? 0, error.message))
      directory = SegmentDirectory(
        kind: record.kind, id: record.id, summary: record.summary, releasesThrough: 0,
        pages: try scan.walk(id: record.id))
    }
    self.findings = findings
  }

  /// The payload of a page.
  func page(_ number: Int) throws(StorageError) -> [UInt8] {
    guard directory.pages.indices.contains(number) else {
      throw .corrupt("there is no page \(number)", path: path, offset: 0)
    }
    let page = directory.pages[number]
    let header = SegmentFormat.pageHeaderBytes
    let (start, payload) = try storing("reading a segment") { () throws(SystemError) in
      (
        try file.readBytes(at: Int64(page.offset), count: header),
        try file.readBytes(at: Int64(page.offset + header), count: page.length)
      )
    }
    guard start.count == header, payload.count == page.length else {
      throw .corrupt("page \(number) ends early", path: path, offset: Int64(page.offset))
    }
    let expected = SegmentFormat.pageHead(type: page.type, number: number, length: page.length)
    let isRight = start.withUnsafeBytes { start in
      let head = UnsafeRawBufferPointer(rebasing: start[..<16])
      return head.elementsEqual(expected)
        && start.littleEndian(UInt64.self, at: 16) == page.checksum
        && payload.withUnsafeBytes {
          SegmentFormat.checksum(head: head, payload: $0, segment: directory.id)
        } == page.checksum
    }
    guard isRight else {
      throw .corrupt(
        "page \(number) fails its checksum", path: path, offset: Int64(page.offset))
    }
    return payload
  }

  /// Bytes of a page's payload as they lie in the file; they are not checked.
  func part(of number: Int, _ range: Range<Int>) throws(StorageError) -> [UInt8] {
    guard directory.pages.indices.contains(number), range.lowerBound >= 0,
      range.upperBound <= directory.pages[number].length
    else { throw .corrupt("there is no such part of page \(number)", path: path, offset: 0) }
    let start = directory.pages[number].offset + SegmentFormat.pageHeaderBytes + range.lowerBound
    let part = try storing("reading a segment") { () throws(SystemError) in
      try file.readBytes(at: Int64(start), count: range.count)
    }
    guard part.count == range.count else {
      throw .corrupt("page \(number) ends early", path: path, offset: Int64(start))
    }
    return part
  }
}
