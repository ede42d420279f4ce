import Bytes
import Compression
import TelemetryModel

/// The bytes of one block of rows: every column whole, then all together under zstd.
///
/// docs/formats/span-segment.md has the diagram. Numbers are little-endian varints; starts are
/// differences to the row before, ends to their starts.
enum SpanBlock {
  /// Raw bytes at which a block is closed.
  static let bytesTarget = 1 << 20
  /// No block inflates to more; a row is at most one request of 64 MiB.
  static let bytesMax = 128 << 20

  static func encode(_ rows: SpanRows) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(rows.byteSize)
    out.appendVarint(UInt64(rows.count))
    var previous = TraceID(high: 0, low: 0)
    for trace in rows.traces {
      // Rows are sorted by trace: a zero says that it is the one before.
      let isSame = trace == previous
      out.append(isSame ? 0 : 1)
      if !isSame {
        out.appendBigEndian(trace.high)
        out.appendBigEndian(trace.low)
      }
      previous = trace
    }
    for span in rows.spans { out.appendLittleEndian(span) }
    var last: Int64 = 0
    for start in rows.starts {
      out.appendZigZag(start &- last)
      last = start
    }
    for row in 0..<rows.count { out.appendZigZag(rows.ends[row] &- rows.starts[row]) }
    for column in [rows.services, rows.names, rows.resources, rows.scopes] {
      for value in column { out.appendVarint(UInt64(value)) }
    }
    for value in rows.kinds { out.appendZigZag(Int64(value)) }
    for value in rows.statuses { out.appendZigZag(Int64(value)) }
    for row in 0..<rows.count { out.appendVarint(UInt64(rows.message(row).count)) }
    out += rows.messages
    return Zstd.compress(out)
  }

  /// - Throws: ``SpanStoreError`` with code `corrupt` on bytes that are no block, or that name
  ///   more than the dictionary has.
  static func decode(_ bytes: [UInt8], _ dictionary: SpanDictionary) throws(SpanStoreError)
    -> SpanRows
  {
    do {
      let raw = try Zstd.decompress(bytes, bytesMax: bytesMax)
      var cursor = ByteCursor(raw.span.bytes)
      let rows = try read(&cursor)
      let strings = dictionary.strings.count
      guard cursor.isAtEnd,
        rows.services.allSatisfy({ Int($0) < strings }),
        rows.names.allSatisfy({ Int($0) < strings }),
        rows.resources.allSatisfy({ Int($0) < dictionary.resources.count }),
        rows.scopes.allSatisfy({ Int($0) < dictionary.scopes.count })
      else { throw ByteError.malformedText }
      return rows
    } catch {
      throw SpanStoreError(.corrupt, "a block of spans cannot be read: \(error)")
    }
  }

  private static func read(_ cursor: inout ByteCursor) throws(ByteError) -> SpanRows {
    var rows = SpanRows()
    // Each row takes 15 bytes at least, so that a count cannot promise more than is there.
    let count = Int(clamping: try cursor.readVarint())
    guard count <= cursor.remaining / 15 else { throw .truncated }
    rows.traces.reserveCapacity(count)
    var trace = TraceID(high: 0, low: 0)
    for _ in 0..<count {
      if try cursor.readByte() != 0 {
        trace = TraceID(
          high: try cursor.readBigEndian(UInt64.self), low: try cursor.readBigEndian(UInt64.self))
      }
      rows.traces.append(trace)
    }
    for _ in 0..<count { rows.spans.append(try cursor.readLittleEndian(UInt64.self)) }
    var last: Int64 = 0
    for _ in 0..<count {
      last &+= decodeZigZag(try cursor.readVarint())
      rows.starts.append(last)
    }
    for row in 0..<count {
      rows.ends.append(rows.starts[row] &+ decodeZigZag(try cursor.readVarint()))
    }
    rows.services = try readNumbers(&cursor, count)
    rows.names = try readNumbers(&cursor, count)
    rows.resources = try readNumbers(&cursor, count)
    rows.scopes = try readNumbers(&cursor, count)
    rows.kinds = try readSigned(&cursor, count)
    rows.statuses = try readSigned(&cursor, count)
    var end = 0
    for _ in 0..<count {
      let length = Int(clamping: try cursor.readVarint())
      guard length <= cursor.bytes.byteCount - end else { throw .truncated }
      end += length
      rows.messageEnds.append(end)
    }
    rows.messages.append(span: try cursor.readBytes(end))
    return rows
  }

  private static func readNumbers(_ cursor: inout ByteCursor, _ count: Int) throws(ByteError)
    -> [UInt32]
  {
    var out: [UInt32] = []
    out.reserveCapacity(count)
    for _ in 0..<count { out.append(UInt32(clamping: try cursor.readVarint())) }
    return out
  }

  private static func readSigned(_ cursor: inout ByteCursor, _ count: Int) throws(ByteError)
    -> [Int32]
  {
    var out: [Int32] = []
    out.reserveCapacity(count)
    for _ in 0..<count {
      out.append(Int32(truncatingIfNeeded: decodeZigZag(try cursor.readVarint())))
    }
    return out
  }
}
