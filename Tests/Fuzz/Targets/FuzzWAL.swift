import Bytes
import LinuxIO
@testable import Storage
import TestSupport

/// A WAL file: the first byte says how much of it is put right, so that what lies behind the
/// checksums is reached, and the rest is the file. What a start reads is what the next one reads.
func fuzzWAL(_ input: UnsafeRawBufferPointer) {
  guard let mode = input.first else { return }
  var file = Array(input.dropFirst())
  if mode & 1 != 0 {
    let header = WALFormat.Header(firstSequence: 1, durableThrough: 0, salt: 7).encoded()
    file = header + (mode & 2 != 0 ? header : Array(file.prefix(64))) + file
  }
  if mode & 4 != 0 { repairChecksums(&file) }
  let disk = CrashingFileSystem()
  let path = "wal/0000000000000001.wal"
  guard (try? disk.createFolder("wal")) != nil,
    let handle = try? disk.open(path, .create), (try? handle.write(file, at: 0)) != nil
  else { return }
  guard let first = replay(disk) else { return }
  guard let second = replay(disk) else { preconditionFailure("the second start fails") }
  precondition(second.records == first.records, "the second start reads other records")
  if !first.findings.contains(.corrupt) {
    precondition(!second.findings.contains(.corrupt), "a torn file became a damaged one")
  }
}

private func replay(_ disk: CrashingFileSystem)
  -> (records: [WALRecord], findings: [StorageFinding.Kind])?
{
  var records: [WALRecord] = []
  let replay = WALReplay(
    folder: "wal", setAside: SetAsideFolder(folder: "set-aside", fileSystem: disk),
    fileSystem: disk, releasedThrough: 0)
  guard let recovery = try? replay.run({ records.append($0) }) else { return nil }
  return (records, recovery.findings.map(\.kind))
}

/// Gives each record the checksum that its bytes ask for, as far as lengths lead.
private func repairChecksums(_ file: inout [UInt8]) {
  var at = WALFormat.recordsStart
  while at + WALFormat.recordHeaderBytes <= file.count {
    let header = file.withUnsafeBytes { WALFormat.RecordHeader($0, at: at) }
    let count = WALFormat.recordBytes(payload: header.length)
    guard header.length <= WALFormat.payloadBytesMax, at + count <= file.count else {
      at += 8
      continue
    }
    file.withUnsafeMutableBytes { bytes in
      bytes.storeBytes(of: WALFormat.recordMark, toByteOffset: at + 26, as: UInt16.self)
      let whole = UnsafeRawBufferPointer(rebasing: bytes[at..<(at + count)])
      bytes.storeBytes(
        of: WALFormat.checksum(whole, salt: 7), toByteOffset: at + 4, as: UInt32.self)
    }
    at += count
  }
}
