import TelemetryModel

/// Turns a tenant's rows into sorted blocks and their index.
struct SpanSegmentBuilder {
  /// A block's bytes with all that the index says of it but its page.
  struct BuiltBlock {
    var bytes: [UInt8]
    var entry: SpanIndex.Block
  }

  /// Blocks sorted by (trace, start); rows of one trace share a block where they can.
  static func build(_ chunks: [SpanRows], _ dictionary: SpanDictionary) -> [BuiltBlock] {
    struct Key {
      var trace: TraceID
      var start: Int64
      var chunk: Int32
      var row: Int32
    }
    var keys: [Key] = []
    keys.reserveCapacity(chunks.reduce(0) { $0 + $1.count })
    for (chunk, rows) in chunks.enumerated() {
      for row in 0..<rows.count {
        keys.append(
          Key(
            trace: rows.traces[row], start: rows.starts[row], chunk: Int32(chunk), row: Int32(row)))
      }
    }
    keys.sort { a, b in
      if a.trace != b.trace { return a.trace < b.trace }
      return a.start == b.start ? (a.chunk, a.row) < (b.chunk, b.row) : a.start < b.start
    }
    let map = DictionaryMap(identityOf: dictionary)
    var out: [BuiltBlock] = []
    var rows = SpanRows()
    for (index, key) in keys.enumerated() {
      rows.append(Int(key.row), of: chunks[Int(key.chunk)], map: map)
      let isLastOfTrace = index + 1 == keys.count || keys[index + 1].trace != key.trace
      let size = rows.byteSize
      if size >= SpanBlock.bytesTarget * (isLastOfTrace ? 1 : 4) {
        out.append(close(rows))
        rows = SpanRows()
      }
    }
    if rows.count > 0 { out.append(close(rows)) }
    return out
  }

  /// The block of rows in order, at least one.
  static func close(_ rows: SpanRows) -> BuiltBlock {
    var traces: [TraceID] = []
    for trace in rows.traces where trace != traces.last { traces.append(trace) }
    var earliest = Int64.max
    var latest = Int64.min
    for start in rows.starts {
      earliest = min(earliest, start)
      latest = max(latest, start)
    }
    let entry = SpanIndex.Block(
      page: 0, rows: rows.count, firstTrace: rows.traces[0], lastTrace: rows.traces[rows.count - 1],
      starts: earliest...latest, services: Set(rows.services).sorted(), filter: TraceFilter(traces))
    return BuiltBlock(bytes: SpanBlock.encode(rows), entry: entry)
  }
}
