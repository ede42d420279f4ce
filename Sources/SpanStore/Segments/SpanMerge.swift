import Storage
import TelemetryModel

/// Merges the rows of one tenant in several segments by (trace, start), exact duplicates once.
///
/// Holds one block of each segment at a time.
struct SpanMerge {
  /// A segment's rows of the tenant, in order, and where their numbers stand in the merged
  /// dictionary.
  private struct Source {
    let segment: Segment
    let index: SpanIndex
    let map: DictionaryMap
    let skipsDamage: Bool
    var nextBlock = 0
    var rows = SpanRows()
    var row = 0

    var key: (trace: TraceID, start: Int64)? {
      row < rows.count ? (rows.traces[row], rows.starts[row]) : nil
    }

    /// Goes on to the next row, over the end of a block too.
    mutating func advance() throws(StorageError) {
      row += 1
      try fill()
    }

    mutating func fill() throws(StorageError) {
      while row >= rows.count, nextBlock < index.blocks.count {
        let block = index.blocks[nextBlock]
        nextBlock += 1
        row = 0
        rows = SpanRows()
        do throws(StorageError) {
          let page = try segment.page(block.page)
          do throws(SpanStoreError) {
            rows = try SpanBlock.decode(page, index.dictionary)
          } catch { throw StorageError(.corrupt, error.message, path: segment.path) }
        } catch {
          guard skipsDamage, error.code == .corrupt else { throw error }
        }
      }
    }
  }

  private var sources: [Source] = []
  private(set) var dictionary = SpanDictionary()
  private(set) var operations: [UInt32: Set<SpanOperation>] = [:]
  private(set) var rowCount = 0
  private(set) var messageBytes = 0
  private(set) var starts: ClosedRange<Int64>?

  /// Adds a segment's part; segments come in the order of their ids.
  mutating func add(_ segment: Segment, _ index: SpanIndex, skipsDamage: Bool)
    throws(StorageError)
  {
    let map = DictionaryMap(of: index.dictionary, in: &dictionary)
    for (service, found) in index.operations {
      operations[map.strings[Int(service)], default: []].formUnion(found)
    }
    var source = Source(segment: segment, index: index, map: map, skipsDamage: skipsDamage)
    try source.fill()
    sources.append(source)
  }

  /// Hands over the blocks of all rows in order.
  mutating func run(_ visit: (SpanSegmentBuilder.BuiltBlock) throws(StorageError) -> Void)
    throws(StorageError)
  {
    var out = SpanRows()
    while let index = next(), let key = sources[index].key {
      let isNewTrace = out.count > 0 && out.traces[out.count - 1] != key.trace
      let limit = SpanBlock.bytesTarget * (isNewTrace ? 1 : 4)
      if out.byteSize >= limit {
        try visit(SpanSegmentBuilder.close(out))
        out = SpanRows()
      }
      append(index, to: &out)
      try sources[index].advance()
    }
    if out.count > 0 { try visit(SpanSegmentBuilder.close(out)) }
  }

  private func next() -> Int? {
    var best: Int?
    for (index, source) in sources.enumerated() {
      guard let key = source.key else { continue }
      guard let known = best.flatMap({ sources[$0].key }) else {
        best = index
        continue
      }
      let isBefore =
        key.trace == known.trace ? key.start < known.start : key.trace < known.trace
      if isBefore { best = index }
    }
    return best
  }

  private mutating func append(_ index: Int, to out: inout SpanRows) {
    let (rows, row) = (sources[index].rows, sources[index].row)
    out.append(row, of: rows, map: sources[index].map)
    let new = out.count - 1
    // Rows of one trace and start stand together.
    var known = new - 1
    while known >= 0, out.traces[known] == out.traces[new], out.starts[known] == out.starts[new] {
      if out.isSame(known, new) {
        out.removeLast()
        return
      }
      known -= 1
    }
    rowCount += 1
    messageBytes += rows.message(row).count
    let start = rows.starts[row]
    let extent = starts ?? start...start
    starts = min(extent.lowerBound, start)...max(extent.upperBound, start)
  }
}

extension SpanRows {
  fileprivate func isSame(_ a: Int, _ b: Int) -> Bool {
    spans[a] == spans[b] && resources[a] == resources[b] && scopes[a] == scopes[b]
      && message(a) == message(b)
  }

  fileprivate mutating func removeLast() {
    traces.removeLast()
    spans.removeLast()
    starts.removeLast()
    ends.removeLast()
    services.removeLast()
    names.removeLast()
    kinds.removeLast()
    statuses.removeLast()
    resources.removeLast()
    scopes.removeLast()
    messageEnds.removeLast()
    messages.removeLast(messages.count - (messageEnds.last ?? 0))
  }
}

extension SpanHead {
  func merge(_ rewrites: [SegmentRewrite], to output: SegmentOutput) throws(StorageError) {
    var merges: [TenantID: SpanMerge] = [:]
    for rewrite in rewrites.sorted(by: { $0.segment.id < $1.segment.id }) {
      let indexes: [SpanIndex]
      do throws(StorageError) {
        let page = try rewrite.segment.firstPage(ofType: SpanPage.index)
        do throws(SpanStoreError) {
          indexes = try SpanIndex.decode(page)
        } catch { throw StorageError(.corrupt, error.message, path: rewrite.segment.path) }
      } catch {
        guard rewrite.skipsDamage, error.code == .corrupt else { throw error }
        continue
      }
      for index in indexes {
        try merges[index.tenant, default: SpanMerge()].add(
          rewrite.segment, index, skipsDamage: rewrite.skipsDamage)
      }
    }
    let writer = try output.begin()
    var written: [SpanIndex] = []
    var (rows, bytes) = (0, 0)
    var starts: ClosedRange<Int64>?
    for (tenant, var merge) in merges.sorted(by: { $0.key < $1.key }) {
      var blocks: [SpanIndex.Block] = []
      try merge.run { (built) throws(StorageError) in
        var entry = built.entry
        entry.page = try writer.append(SpanPage.block, built.bytes)
        blocks.append(entry)
      }
      guard let extent = merge.starts else { continue }
      rows += merge.rowCount
      bytes += merge.messageBytes
      starts =
        min(
          starts?.lowerBound ?? extent.lowerBound, extent.lowerBound)...max(
          starts?.upperBound ?? extent.upperBound, extent.upperBound)
      written.append(
        SpanIndex(
          tenant: tenant, dictionary: merge.dictionary, blocks: blocks,
          operations: merge.operations))
    }
    guard let starts else { return }
    _ = try writer.append(SpanPage.index, SpanIndex.encode(written))
    writer.finish(
      SegmentSummary(
        tenant: written.count == 1 ? written[0].tenant.name : nil,
        oldest: Timestamp(nanoseconds: starts.lowerBound),
        newest: Timestamp(nanoseconds: starts.upperBound), rowCount: rows, rawByteCount: bytes))
  }
}
