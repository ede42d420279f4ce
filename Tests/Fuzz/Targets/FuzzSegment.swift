import Bytes
import LinuxIO
@testable import Storage
import TelemetryModel
import TestSupport

/// A segment file, as the catalog knows it and as a lost catalog would find it. The first byte
/// says which checksums are put right.
func fuzzSegment(_ input: UnsafeRawBufferPointer) {
  guard let mode = input.first else { return }
  var file = Array(input.dropFirst())
  if mode & 1 != 0 { file = SegmentFormat.header(kind: .logs, id: 1) + file }
  if mode & 2 != 0 { repairPages(&file) }
  if mode & 4 != 0 { appendDirectory(&file) }
  let disk = CrashingFileSystem()
  let path = "segments/0000000000000001.segment"
  guard (try? disk.createFolder("segments")) != nil,
    let handle = try? disk.open(path, .create), (try? handle.write(file, at: 0)) != nil
  else { return }
  let record = SegmentRecord(
    id: 1, kind: .logs,
    summary: SegmentSummary(oldest: .zero, newest: .zero, rowCount: 1, rawByteCount: 1),
    byteCount: file.count)
  for record in [record, nil] as [SegmentRecord?] {
    guard let reader = try? SegmentReader(path: path, fileSystem: disk, record: record) else {
      continue
    }
    var bytes = 0
    for number in reader.directory.pages.indices {
      if let page = try? reader.page(number) { bytes += page.count }
    }
    precondition(bytes <= file.count, "pages hold more than their file")
    precondition((try? reader.page(reader.directory.pages.count)) == nil)
  }
}

/// Gives each page the mark, number and checksum that its place asks for, as far as lengths lead.
private func repairPages(_ file: inout [UInt8]) {
  var at = SegmentFormat.headerBytes
  var number = 0
  while at + SegmentFormat.pageHeaderBytes <= file.count {
    let (type, length) = file.withUnsafeBytes {
      ($0.littleEndian(UInt16.self, at: at + 4), Int($0.littleEndian(UInt32.self, at: at + 12)))
    }
    let payload = at + SegmentFormat.pageHeaderBytes
    guard length <= file.count - payload else { return }
    let head = SegmentFormat.pageHead(type: type, number: number, length: length)
    let checksum = file.withUnsafeBytes { bytes in
      head.withUnsafeBytes {
        SegmentFormat.checksum(
          head: $0, payload: UnsafeRawBufferPointer(rebasing: bytes[payload..<(payload + length)]),
          segment: 1)
      }
    }
    file.replaceSubrange(at..<(at + 16), with: head)
    file.withUnsafeMutableBytes {
      $0.storeBytes(of: checksum, toByteOffset: at + 16, as: UInt64.self)
    }
    at = payload + length
    number += 1
  }
}

/// Takes the end of the file as a directory: its page header and the trailer are made for it.
private func appendDirectory(_ file: inout [UInt8]) {
  var at = SegmentFormat.headerBytes
  var number = 0
  while at + SegmentFormat.pageHeaderBytes <= file.count {
    let (mark, length) = file.withUnsafeBytes {
      ($0.littleEndian(UInt32.self, at: at), Int($0.littleEndian(UInt32.self, at: at + 12)))
    }
    guard mark == SegmentFormat.pageMark,
      length <= file.count - at - SegmentFormat.pageHeaderBytes
    else { break }
    at += SegmentFormat.pageHeaderBytes + length
    number += 1
  }
  guard at <= file.count else { return }
  let payload = Array(file[at...])
  let head = SegmentFormat.pageHead(
    type: SegmentFormat.directoryType, number: number, length: payload.count)
  let checksum = payload.withUnsafeBytes { payload in
    head.withUnsafeBytes { SegmentFormat.checksum(head: $0, payload: payload, segment: 1) }
  }
  file.removeSubrange(at...)
  file += head
  file.appendLittleEndian(checksum)
  file += payload
  file += SegmentFormat.trailer(
    directoryOffset: at, directoryBytes: SegmentFormat.pageHeaderBytes + payload.count, id: 1)
}
