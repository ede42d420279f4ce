import Bytes
import Storage
import TelemetryModel

extension SpanHead: StoreHead {
  var memoryByteCount: Int { byteSize }

  func replay(_ record: WALRecord) throws(StorageError) {
    do {
      guard record.kind == SpanStore.requestRecord else { throw ByteError.malformedText }
      var cursor = ByteCursor(record.payload.span.bytes)
      let length = try cursor.readLength()
      var name: [UInt8] = []
      name.append(span: try cursor.readBytes(length))
      guard let tenant = TenantID(String(decoding: name, as: UTF8.self)) else {
        throw ByteError.malformedText
      }
      insert(try SpanBatch(try cursor.readBytes(cursor.remaining)), tenant: tenant)
    } catch {
      throw StorageError(
        .corrupt, "record \(record.sequence) of the WAL holds no spans: \(error)")
    }
  }

  func write(to output: SegmentOutput) throws(StorageError) {
    let parts = self.parts
    guard let starts, rowCount > 0 else { return }
    let writer = try output.begin()
    var indexes: [SpanIndex] = []
    var rawBytes = 0
    for (tenant, part) in parts {
      var blocks: [SpanIndex.Block] = []
      for built in SpanSegmentBuilder.build(part.chunks, part.dictionary) {
        var entry = built.entry
        entry.page = try writer.append(SpanPage.block, built.bytes)
        blocks.append(entry)
      }
      rawBytes += part.chunks.reduce(0) { $0 + $1.messages.count }
      indexes.append(
        SpanIndex(
          tenant: tenant, dictionary: part.dictionary, blocks: blocks,
          operations: part.operations))
    }
    _ = try writer.append(SpanPage.index, SpanIndex.encode(indexes))
    writer.finish(
      SegmentSummary(
        tenant: parts.count == 1 ? parts[0].tenant.name : nil,
        oldest: Timestamp(nanoseconds: starts.lowerBound),
        newest: Timestamp(nanoseconds: starts.upperBound), rowCount: rowCount,
        rawByteCount: rawBytes))
  }
}
