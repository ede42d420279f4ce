import Bytes
import Compression
import TelemetryModel

/// The page of all tenants' indexes, zstd around it; docs/formats/span-segment.md.
enum SpanIndexCoding {
  /// No index inflates to more.
  static let bytesMax = 256 << 20

  static func encode(_ parts: [[UInt8]]) -> [UInt8] {
    var out: [UInt8] = []
    out.appendVarint(UInt64(parts.count))
    for part in parts { out += part }
    return Zstd.compress(out)
  }

  /// One tenant's part.
  static func encodePart(
    _ tenant: TenantID, _ tables: SpanTables, _ built: SpanSegmentBuilder,
    dictionaryPages: [Int: Int], blocks: [SpanIndex.Block]
  ) -> [UInt8] {
    var out: [UInt8] = []
    out.appendBlob(Array(tenant.name.utf8))
    out.appendBlobs(built.columns.map(\.encoded))
    // Shape 0 is that of whole messages and needs no words.
    out.appendBlobs(Array(built.shapes.dropFirst()))
    out.appendBlobs((0..<UInt32(tables.names.count)).map { tables.names.array($0) })
    out.appendBlobs((0..<UInt32(tables.resources.count)).map { tables.resources.array($0) })
    for service in tables.services { out.appendVarint(UInt64(service)) }
    out.appendBlobs((0..<UInt32(tables.scopes.count)).map { tables.scopes.array($0) })
    let operations = tables.operations.sorted {
      ($0.service, $0.name, $0.kind) < ($1.service, $1.name, $1.kind)
    }
    out.appendVarint(UInt64(operations.count))
    for operation in operations {
      out.appendVarint(UInt64(operation.service))
      out.appendVarint(UInt64(operation.name))
      out.appendZigZag(Int64(operation.kind))
    }
    out.appendVarint(UInt64(dictionaryPages.count))
    for (column, page) in dictionaryPages.sorted(by: { $0.key < $1.key }) {
      out.appendVarint(UInt64(column))
      out.appendVarint(UInt64(page))
    }
    out.appendVarint(UInt64(blocks.count))
    for block in blocks { append(block, to: &out) }
    return out
  }

  private static func append(_ block: SpanIndex.Block, to out: inout [UInt8]) {
    out.appendVarint(UInt64(block.page))
    out.appendVarint(UInt64(block.rows))
    for trace in [block.firstTrace, block.lastTrace] {
      out.appendBigEndian(trace.high)
      out.appendBigEndian(trace.low)
    }
    out.appendZigZag(block.starts.lowerBound)
    out.appendZigZag(block.starts.upperBound)
    out.appendVarint(UInt64(block.longest))
    out.append(block.statuses)
    out.append(block.hasWholes ? 1 : 0)
    out.appendVarint(UInt64(block.resources.count))
    for resource in block.resources { out.appendVarint(UInt64(resource)) }
    for columns in [block.columns, block.plainColumns] {
      out.appendVarint(UInt64(columns.count))
      for column in columns { out.appendVarint(UInt64(column)) }
    }
    out.appendVarint(UInt64(block.filter.words.count))
    for word in block.filter.words { out.appendLittleEndian(word) }
  }

  /// - Throws: ``SpanStoreError`` with code `corrupt`.
  static func decode(_ bytes: [UInt8]) throws(SpanStoreError) -> [SpanIndex] {
    do {
      return try decode(raw: try Zstd.decompress(bytes, bytesMax: bytesMax))
    } catch {
      throw SpanStoreError(.corrupt, "the index of a span segment cannot be read: \(error)")
    }
  }

  /// Without zstd around it.
  static func decode(raw: [UInt8]) throws(ByteError) -> [SpanIndex] {
    var cursor = ByteCursor(raw.span.bytes)
    var out: [SpanIndex] = []
    for _ in 0..<(try cursor.readLength()) { out.append(try readPart(&cursor)) }
    return out
  }

  private static func readPart(_ cursor: inout ByteCursor) throws(ByteError) -> SpanIndex {
    guard let tenant = TenantID(String(decoding: try cursor.readBlob(), as: UTF8.self)) else {
      throw .malformedText
    }
    var columns: [SpanColumn] = []
    for blob in try cursor.readBlobs() { columns.append(try SpanColumn(encoded: blob)) }
    var shapes = [SpanShape.whole]
    for blob in try cursor.readBlobs() {
      shapes.append(try SpanShape(encoded: blob, columns: columns))
    }
    let names = try cursor.readBlobs().map { String(decoding: $0, as: UTF8.self) }
    let resources = try cursor.readBlobs()
    var services: [String] = []
    var serviceOfResource: [Int] = []
    for _ in resources {
      let name = names[try cursor.readNumber(below: names.count)]
      let known = services.firstIndex(where: { $0.hasSameBytes(as: name) }) ?? services.count
      if known == services.count { services.append(name) }
      serviceOfResource.append(known)
    }
    let scopes = try cursor.readBlobs()
    var operations: [SpanIndex.Operation] = []
    for _ in 0..<(try cursor.readLength()) {
      let service = names[try cursor.readNumber(below: names.count)]
      let name = names[try cursor.readNumber(below: names.count)]
      let kind = Int32(truncatingIfNeeded: decodeZigZag(try cursor.readVarint()))
      guard let number = services.firstIndex(where: { $0.hasSameBytes(as: service) }) else {
        continue
      }
      operations.append(
        .init(
          service: number,
          operation: SpanOperation(name: name, kind: SpanKind(rawValue: kind))))
    }
    var pages: [Int: Int] = [:]
    for _ in 0..<(try cursor.readLength()) {
      let column = Int(clamping: try cursor.readVarint())
      pages[column] = Int(clamping: try cursor.readVarint())
    }
    var blocks: [SpanIndex.Block] = []
    for _ in 0..<(try cursor.readLength()) {
      let block = try readBlock(&cursor)
      guard block.resources.allSatisfy({ $0 < resources.count }),
        block.columns.allSatisfy(columns.indices.contains)
      else { throw .malformedText }
      blocks.append(block)
    }
    return SpanIndex(
      tenant: tenant, columns: columns, shapes: shapes, resources: resources, scopes: scopes,
      services: services, serviceOfResource: serviceOfResource, operations: operations,
      dictionaryPages: pages, blocks: blocks)
  }

  private static func readBlock(_ cursor: inout ByteCursor) throws(ByteError) -> SpanIndex.Block {
    let page = Int(clamping: try cursor.readVarint())
    let rows = Int(clamping: try cursor.readVarint())
    let first = try readTrace(&cursor)
    let last = try readTrace(&cursor)
    let low = decodeZigZag(try cursor.readVarint())
    let high = decodeZigZag(try cursor.readVarint())
    guard low <= high, first <= last else { throw .malformedText }
    let longest = Int64(clamping: try cursor.readVarint())
    let statuses = try cursor.readByte()
    let hasWholes = try cursor.readByte() != 0
    var resources: [UInt32] = []
    for _ in 0..<(try cursor.readLength()) {
      resources.append(UInt32(clamping: try cursor.readVarint()))
    }
    var columns: [[Int]] = [[], []]
    for list in 0..<2 {
      for _ in 0..<(try cursor.readLength()) {
        columns[list].append(Int(clamping: try cursor.readVarint()))
      }
    }
    var words: [UInt64] = []
    for _ in 0..<(try cursor.readLength()) {
      words.append(try cursor.readLittleEndian(UInt64.self))
    }
    guard let filter = TraceFilter(words: words) else { throw .malformedText }
    return SpanIndex.Block(
      page: page, rows: rows, firstTrace: first, lastTrace: last, starts: low...high,
      longest: longest, statuses: statuses, resources: resources, columns: columns[0],
      plainColumns: columns[1], hasWholes: hasWholes, filter: filter)
  }

  private static func readTrace(_ cursor: inout ByteCursor) throws(ByteError) -> TraceID {
    TraceID(
      high: try cursor.readBigEndian(UInt64.self), low: try cursor.readBigEndian(UInt64.self))
  }
}

extension [UInt8] {
  mutating func appendBlob(_ bytes: [UInt8]) {
    appendVarint(UInt64(bytes.count))
    self += bytes
  }

  mutating func appendBlobs(_ blobs: [[UInt8]]) {
    appendVarint(UInt64(blobs.count))
    for blob in blobs { appendBlob(blob) }
  }
}

extension ByteCursor {
  mutating func readBlob() throws(ByteError) -> [UInt8] {
    var out: [UInt8] = []
    let count = try readLength()
    out.append(span: try readBytes(count))
    return out
  }

  mutating func readBlobs() throws(ByteError) -> [[UInt8]] {
    var out: [[UInt8]] = []
    for _ in 0..<(try readLength()) { out.append(try readBlob()) }
    return out
  }

  mutating func readNumber(below count: Int) throws(ByteError) -> Int {
    let number = try readVarint()
    guard number < UInt64(count) else { throw .malformedText }
    return Int(number)
  }
}
