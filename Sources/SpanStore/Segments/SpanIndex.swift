import Bytes
import Compression
import TelemetryModel

/// What a segment knows of its blocks without reading them: one for each tenant.
struct SpanIndex: Sendable {
  struct Block: Sendable {
    /// The page of the segment that holds the block.
    var page: Int
    var rows: Int
    var firstTrace: TraceID
    var lastTrace: TraceID
    var starts: ClosedRange<Int64>
    /// Numbers of the services whose spans are in it, ascending.
    var services: [UInt32]
    var filter: TraceFilter

    func mayContain(_ trace: TraceID) -> Bool {
      firstTrace <= trace && trace <= lastTrace && filter.mayContain(trace)
    }
  }

  var tenant: TenantID
  var dictionary: SpanDictionary
  /// Sorted by the traces in them.
  var blocks: [Block]
  /// For each service's number the names and kinds of its spans.
  var operations: [UInt32: Set<SpanOperation>]

  /// Blocks that may hold spans of the trace: those around it by order, that the filter admits.
  func blocks(of trace: TraceID) -> [Block] {
    var low = 0
    var high = blocks.count
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle].lastTrace < trace { low = middle + 1 } else { high = middle }
    }
    return blocks[low...].prefix { $0.firstTrace <= trace }.filter { $0.mayContain(trace) }
  }
}

extension SpanIndex {
  /// No index inflates to more.
  static let bytesMax = 256 << 20

  /// The page of all tenants' indexes, zstd around it.
  static func encode(_ indexes: [SpanIndex]) -> [UInt8] {
    var out: [UInt8] = []
    out.appendVarint(UInt64(indexes.count))
    for index in indexes {
      out.appendString(index.tenant.name)
      out.appendVarint(UInt64(index.dictionary.strings.count))
      for string in index.dictionary.strings { out.appendString(string) }
      for blobs in [index.dictionary.resources, index.dictionary.scopes] {
        out.appendVarint(UInt64(blobs.count))
        for blob in blobs { out.appendBlob(blob) }
      }
      out.appendVarint(UInt64(index.operations.count))
      for (service, operations) in index.operations.sorted(by: { $0.key < $1.key }) {
        out.appendVarint(UInt64(service))
        out.appendVarint(UInt64(operations.count))
        for operation in operations.sorted() {
          out.appendString(operation.name)
          out.appendZigZag(Int64(operation.kind.rawValue))
        }
      }
      out.appendVarint(UInt64(index.blocks.count))
      for block in index.blocks { append(block, to: &out) }
    }
    return Zstd.compress(out)
  }

  private static func append(_ block: Block, to out: inout [UInt8]) {
    out.appendVarint(UInt64(block.page))
    out.appendVarint(UInt64(block.rows))
    for trace in [block.firstTrace, block.lastTrace] {
      out.appendBigEndian(trace.high)
      out.appendBigEndian(trace.low)
    }
    out.appendZigZag(block.starts.lowerBound)
    out.appendZigZag(block.starts.upperBound)
    out.appendVarint(UInt64(block.services.count))
    for service in block.services { out.appendVarint(UInt64(service)) }
    out.appendVarint(UInt64(block.filter.words.count))
    for word in block.filter.words { out.appendLittleEndian(word) }
  }

  /// - Throws: ``SpanStoreError`` with code `corrupt`.
  static func decode(_ bytes: [UInt8]) throws(SpanStoreError) -> [SpanIndex] {
    do {
      let raw = try Zstd.decompress(bytes, bytesMax: bytesMax)
      var cursor = ByteCursor(raw.span.bytes)
      var out: [SpanIndex] = []
      for _ in 0..<(try cursor.readLength()) { out.append(try readIndex(&cursor)) }
      return out
    } catch {
      throw SpanStoreError(.corrupt, "the index of a span segment cannot be read: \(error)")
    }
  }

  private static func readIndex(_ cursor: inout ByteCursor) throws(ByteError) -> SpanIndex {
    guard let tenant = TenantID(try cursor.readString()) else { throw .malformedText }
    var strings: [String] = []
    for _ in 0..<(try cursor.readLength()) { strings.append(try cursor.readString()) }
    var blobs: [[[UInt8]]] = []
    for _ in 0..<2 {
      var list: [[UInt8]] = []
      for _ in 0..<(try cursor.readLength()) { list.append(try cursor.readBlob()) }
      blobs.append(list)
    }
    var operations: [UInt32: Set<SpanOperation>] = [:]
    for _ in 0..<(try cursor.readLength()) {
      let service = UInt32(clamping: try cursor.readVarint())
      guard Int(service) < strings.count else { throw .malformedText }
      for _ in 0..<(try cursor.readLength()) {
        let name = try cursor.readString()
        let kind = Int32(truncatingIfNeeded: decodeZigZag(try cursor.readVarint()))
        operations[service, default: []].insert(
          SpanOperation(name: name, kind: SpanKind(rawValue: kind)))
      }
    }
    var blocks: [Block] = []
    for _ in 0..<(try cursor.readLength()) { blocks.append(try readBlock(&cursor)) }
    return SpanIndex(
      tenant: tenant,
      dictionary: SpanDictionary(strings: strings, resources: blobs[0], scopes: blobs[1]),
      blocks: blocks, operations: operations)
  }

  private static func readBlock(_ cursor: inout ByteCursor) throws(ByteError) -> Block {
    let page = Int(clamping: try cursor.readVarint())
    let rows = Int(clamping: try cursor.readVarint())
    let first = TraceID(
      high: try cursor.readBigEndian(UInt64.self), low: try cursor.readBigEndian(UInt64.self))
    let last = TraceID(
      high: try cursor.readBigEndian(UInt64.self), low: try cursor.readBigEndian(UInt64.self))
    let low = decodeZigZag(try cursor.readVarint())
    let high = decodeZigZag(try cursor.readVarint())
    guard low <= high else { throw .malformedText }
    var services: [UInt32] = []
    for _ in 0..<(try cursor.readLength()) {
      services.append(UInt32(clamping: try cursor.readVarint()))
    }
    var words: [UInt64] = []
    for _ in 0..<(try cursor.readLength()) {
      words.append(try cursor.readLittleEndian(UInt64.self))
    }
    guard let filter = TraceFilter(words: words) else { throw .malformedText }
    return Block(
      page: page, rows: rows, firstTrace: first, lastTrace: last, starts: low...high,
      services: services, filter: filter)
  }
}

extension [UInt8] {
  fileprivate mutating func appendBlob(_ bytes: [UInt8]) {
    appendVarint(UInt64(bytes.count))
    self += bytes
  }

  fileprivate mutating func appendString(_ text: String) { appendBlob(Array(text.utf8)) }
}

extension ByteCursor {
  fileprivate mutating func readBlob() throws(ByteError) -> [UInt8] {
    var out: [UInt8] = []
    let count = try readLength()
    out.append(span: try readBytes(count))
    return out
  }

  fileprivate mutating func readString() throws(ByteError) -> String {
    String(decoding: try readBlob(), as: UTF8.self)
  }
}
