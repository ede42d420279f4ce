@testable import Agent
import Bytes
@testable import Delivery
import LinuxIO
@testable import LogSources
import TestSupport

/// Stored positions: what was read is written and read as the same. The first byte tells which.
func fuzzPositions(_ input: UnsafeRawBufferPointer) {
  guard let mode = input.first else { return }
  let bytes = Array(input.dropFirst())
  switch mode & 3 {
  case 0:
    guard let position = try? FilePosition(encoded: bytes) else { return }
    precondition((try? FilePosition(encoded: position.encoded())) == position)
  case 1:
    guard let position = try? JournalPosition(encoded: bytes) else { return }
    precondition((try? JournalPosition(encoded: position.encoded())) == position)
  case 2:
    guard let record = try? QueueRecord(encoded: bytes) else { return }
    precondition((try? QueueRecord(encoded: record.encoded())) == record)
  default: checkPositionsFile(bytes)
  }
}

/// Promtail's file: keys and cursors of any text come back as they were; any file is read or
/// refused.
private func checkPositionsFile(_ bytes: [UInt8]) {
  let disk = CrashingFileSystem()
  let file = PositionsFile(path: "positions.yaml", fileSystem: disk)
  var queue: [String: [UInt8]] = [:]
  for (index, part) in bytes.split(separator: 0).prefix(8).enumerated() {
    let text = String(decoding: part, as: UTF8.self)
    let identity = FileIdentity(device: 1, inode: UInt64(index))
    queue["file:\(index)"] = FilePosition(path: text, job: "a", identity: identity).encoded()
    queue["journal:\(text)"] = JournalPosition(cursor: text).encoded()
  }
  guard (try? file.write(queue)) != nil else { preconditionFailure("a file is not written") }
  let read = try? file.read(ignoresInvalid: false)
  precondition(read == PositionsFile.values(queue), "positions are lost in writing")
  guard let handle = try? disk.open("positions.yaml", .readWrite),
    (try? handle.truncate(to: 0)) != nil, (try? handle.write(bytes, at: 0)) != nil
  else { return }
  let values = (try? file.read(ignoresInvalid: true)) ?? [:]
  _ = RestoredPositions(queue: [:], imported: values)
}

/// A segment of the queue: what a start finds is what the next one finds. The first byte tells
/// whether header and checksums are put right.
func fuzzQueueSegment(_ input: UnsafeRawBufferPointer) {
  guard let mode = input.first else { return }
  var bytes = Array(input.dropFirst())
  if mode & 1 != 0 { bytes = QueueFormat.magic + bytes }
  if mode & 2 != 0 { repairChecksums(&bytes) }
  let disk = CrashingFileSystem()
  let path = "queue/\(QueueFormat.segmentName(1))"
  guard (try? disk.createFolder("queue")) != nil, let file = try? disk.open(path, .create),
    (try? file.write(bytes, at: 0)) != nil
  else { return }
  var records: [QueueRecord] = []
  if var reader = try? SegmentReader(file) {
    steps: while let step = try? reader.next() {
      switch step {
      case .record(let record, _): records.append(record)
      case .end: break steps
      case .damaged(let offset):
        guard (try? reader.skipDamage(to: 1...1000)) == true else { break steps }
        precondition(reader.offset > offset, "no way is made over damage")
      }
      precondition(records.count <= bytes.count / QueueFormat.frameBytes, "records without bytes")
    }
  }
  let first = try? QueueRecovery.recover(folder: "queue", disk)
  let second = try? QueueRecovery.recover(folder: "queue", disk)
  precondition(first?.positions == second?.positions && first?.durable == second?.durable)
  precondition((first == nil) == (second == nil), "the second start fails")
}

/// Gives each record the checksum that its bytes ask for, as far as lengths lead.
private func repairChecksums(_ file: inout [UInt8]) {
  var at = QueueFormat.headerBytes
  while at + QueueFormat.frameBytes <= file.count {
    let length = Int(file.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: UInt32.self) })
    let payload = at + QueueFormat.frameBytes
    guard length > 0, length <= file.count - payload else { return }
    let sequence = file.withUnsafeBytes {
      $0.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self)
    }
    var record = Array(file[at..<payload + length])
    QueueFormat.seal(&record, sequence: sequence)
    file.replaceSubrange(at..<payload + length, with: record)
    at = payload + length
  }
}
