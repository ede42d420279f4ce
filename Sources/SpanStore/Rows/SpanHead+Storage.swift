import Bytes
import Storage
import TelemetryModel
import TraceFormats

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
      var request: [UInt8] = []
      request.append(span: try cursor.readBytes(cursor.remaining))
      // What was taken is read again, whatever limits came to be set.
      insert(try SpanBatch(request, limits: .none), tenant: tenant)
    } catch {
      throw StorageError(
        .corrupt, "record \(record.sequence) of the WAL holds no spans: \(error)")
    }
  }

  func write(to output: SegmentOutput) throws(StorageError) {
    let parts = self.parts
    guard let starts, rowCount > 0 else { return }
    let writer = try output.begin()
    var indexes: [[UInt8]] = []
    var rawBytes = 0
    var unreported = 0
    for (tenant, part) in parts {
      var builder = SpanSegmentBuilder(part.tables)
      try SpanRowOrder.forEach(part.chunks) { (chunk, row) throws(StorageError) in
        let row = part.chunks[chunk].rows[row]
        let name = part.tables.names[row.name]
        let result: Result<Void, StorageError> = part.chunks[chunk].messages.withUnsafeBytes {
          messages in
          part.tables.names.bytes.withUnsafeBytes { names in
            do throws(StorageError) {
              let name = UnsafeRawBufferPointer(rebasing: names[name])
              return .success(try builder.add(row, name: name, messages, to: writer))
            } catch {
              return .failure(error)
            }
          }
        }
        try result.get()
        unreported += 1
        if unreported == 4096 {
          output.didWrite(rows: unreported)
          unreported = 0
        }
      }
      indexes.append(try builder.finish(tenant, to: writer))
      rawBytes += part.chunks.reduce(0) { $0 + $1.messages.count }
    }
    _ = try writer.append(SpanPage.index, SpanIndexCoding.encode(indexes))
    writer.finish(
      SegmentSummary(
        tenant: parts.count == 1 ? parts[0].tenant.name : nil,
        oldest: Timestamp(nanoseconds: starts.lowerBound),
        newest: Timestamp(nanoseconds: starts.upperBound), rowCount: rowCount,
        rawByteCount: rawBytes))
  }
}
