import Bytes
import LinuxIO
@testable import Storage
import TelemetryModel
import TestSupport

/// A catalog in which bytes have changed, each four bytes of the input one of them (page, place in
/// it, value), and its checksums put right: it is read, refused, or found to be damaged, and what
/// was read can be added to.
func fuzzCatalog(_ input: UnsafeRawBufferPointer) {
  var file = image
  let pageBytes = SQLiteFileSystem.pageBytes
  var at = 0
  while at + 4 <= input.count {
    let place =
      Int(input[at]) % (file.count / pageBytes) * pageBytes
      + Int(input.littleEndian(UInt16.self, at: at + 1)) % pageBytes
    file[place] = input[at + 3]
    at += 4
  }
  for page in 0..<(file.count / pageBytes) {
    file.withUnsafeMutableBytes { bytes in
      let start = page * pageBytes
      let whole = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + pageBytes)])
      bytes.storeBytes(
        of: SQLiteFileSystem.checksum(whole, number: Int64(page)).littleEndian,
        toByteOffset: start + pageBytes - SQLiteFileSystem.reservedBytes, as: UInt64.self)
    }
  }
  let disk = CrashingFileSystem()
  guard let handle = try? disk.open(path, .create), (try? handle.write(file, at: 0)) != nil,
    let catalog = try? SQLiteCatalog.open(path, disk)
  else { return }
  defer { catalog.close() }
  guard let content = try? catalog.load() else { return }
  for tombstone in content.tombstones { _ = content.segments.filter { tombstone.mayTouch($0) } }
  var change = CatalogChange()
  change.nextSegmentID = content.nextSegmentID
  guard (try? catalog.commit(change)) != nil else { return }
  // Where names are out of order, one may be found twice now.
  guard let again = try? catalog.load() else { return }
  precondition(again.nextSegmentID == content.nextSegmentID, "what was committed is not there")
}

/// The file of deletes, of this version or the one before it, its checksum put right or not: what
/// is read is written as it was.
func fuzzDeletes(_ input: UnsafeRawBufferPointer) {
  guard let mode = input.first else { return }
  var file = Array(input.dropFirst())
  if mode & 1 != 0 { file = DeletesFile.mark + [mode & 4 == 0 ? 2 : 1, 0, 0, 0] + file }
  if mode & 2 != 0 {
    let checksum = file.withUnsafeBytes { XXH3.hash($0) }
    file.appendLittleEndian(checksum)
  }
  guard let content = try? DeletesFile.decode(file, path: "deletes") else { return }
  let written = DeletesFile.encode(content)
  // Texts that are no UTF-8 come back mended, files of the version before as those of this one.
  let mayDiffer = file[DeletesFile.mark.count] == 1 || file.contains { $0 >= 0x80 }
  precondition(written == file || mayDiffer, "the file is written otherwise")
  precondition((try? DeletesFile.decode(written, path: "deletes")) == content)
}

private let path = "catalog.sqlite"

/// A catalog with something in each table.
private let image: [UInt8] = {
  let disk = CrashingFileSystem()
  var change = CatalogChange()
  for id in 1...3 as ClosedRange<UInt64> {
    let summary = SegmentSummary(
      tenant: id == 2 ? "t" : nil, oldest: Timestamp(seconds: Int64(id)),
      newest: Timestamp(seconds: 9), rowCount: 5, rawByteCount: 50)
    change.added.append(SegmentRecord(id: id, kind: .logs, summary: summary, byteCount: 100))
  }
  change.releasedThrough = 7
  change.nextSegmentID = 4
  change.quarantined = [QuarantineRecord(segment: 1, page: 2, reason: "it is damaged")]
  change.tombstones = [
    Tombstone(
      number: 1, tenant: "t", query: "{app=\"web\"}", range: .distantPast ... .distantFuture,
      created: Timestamp(seconds: 8))
  ]
  change.lastDelete = 1
  change.values = ["name": "value"]
  guard let catalog = try? SQLiteCatalog.open(path, disk), (try? catalog.commit(change)) != nil
  else { preconditionFailure("the target's own catalog cannot be made") }
  catalog.close()
  guard let file = try? disk.open(path, .read), let size = try? file.size(),
    let bytes = try? file.readBytes(at: 0, count: Int(size))
  else { preconditionFailure("the target's own catalog cannot be read") }
  return bytes
}()
