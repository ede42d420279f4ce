import Bytes
import Storage
import TelemetryModel

/// Merges the rows of one tenant in several segments by (trace, start), exact duplicates once.
///
/// Holds one block of each segment at a time.
struct SpanMerge {
  /// A segment's rows of the tenant, in order.
  private final class Source {
    let part: SegmentPart
    let skipsDamage: Bool
    /// The numbers of its resources and scopes in the merged tables.
    let resources: [UInt32]
    let scopes: [UInt32]
    private var nextBlock = 0
    private(set) var rows: [SpanRow] = []
    private(set) var messages: [UInt8] = []
    private(set) var names: [[UInt8]] = []
    private(set) var row = 0

    init(_ part: SegmentPart, _ tables: inout SpanTables, skipsDamage: Bool) {
      self.part = part
      self.skipsDamage = skipsDamage
      let index = part.index
      var resources: [UInt32] = []
      for (number, fields) in index.resources.enumerated() {
        let service = Array(index.services[index.serviceOfResource[number]].utf8)
        resources.append(
          fields.withUnsafeBytes { fields in
            service.withUnsafeBytes { tables.number(ofResource: fields, service: $0) }
          })
      }
      self.resources = resources
      scopes = index.scopes.map { tables.scopes.number(of: $0) }
      for operation in index.operations {
        let service = Array(index.services[operation.service].utf8)
        let name = Array(operation.operation.name.utf8)
        tables.operations.insert(
          .init(
            service: tables.names.number(of: service), name: tables.names.number(of: name),
            kind: operation.operation.kind.rawValue))
      }
    }

    /// The row at hand; nil at the end.
    var current: SpanRow? { row < rows.count ? rows[row] : nil }

    func advance() throws(StorageError) {
      row += 1
      try fill()
    }

    func fill() throws(StorageError) {
      while row >= rows.count, nextBlock < part.index.blocks.count {
        let entry = part.index.blocks[nextBlock]
        nextBlock += 1
        row = 0
        rows = []
        messages = []
        names = []
        do throws(StorageError) {
          let page = try part.segment.page(entry.page)
          do { try read(try SpanBlock(page, part)) } catch let error as StorageError {
            // Dictionaries are read on the way: what failed there may be the disk.
            throw error
          } catch {
            throw StorageError(
              .corrupt, "a block of spans cannot be read: \(error)", path: part.segment.path)
          }
        } catch {
          rows = []
          guard skipsDamage, error.code == .corrupt else { throw error }
        }
      }
    }

    private func read(_ block: SpanBlock) throws {
      let all = 0..<block.rowCount
      let (traces, starts) = try block.tracesAndStarts(all)
      let lengths = try block.numbers(.length, all)
      let kinds = try block.numbers(.kind, all)
      let statuses = try block.numbers(.status, all)
      let texts = try block.texts(SpanBlock.CoreColumn.name.rawValue, all)
      var out: [SpanRow] = []
      try block.messages(all) { resource, scope, message in
        let at = out.count
        var row = SpanRow()
        row.trace = traces[at]
        row.start = starts[at]
        row.end = starts[at] &+ lengths[at]
        row.kind = Int32(truncatingIfNeeded: kinds[at])
        row.status = Int32(truncatingIfNeeded: statuses[at])
        row.resource = resources[resource]
        row.scope = scopes[scope]
        row.messageStart = Int32(truncatingIfNeeded: messages.count)
        messages += message
        row.messageEnd = Int32(truncatingIfNeeded: messages.count)
        out.append(row)
        names.append(texts.withText(at) { Array($0) })
      }
      for at in out.indices { out[at].span = try block.spanID(at) }
      rows = out
    }
  }

  private var sources: [Source] = []
  private(set) var tables = SpanTables()
  private(set) var rowCount = 0
  private(set) var messageBytes = 0
  private(set) var starts: ClosedRange<Int64>?

  /// Adds a segment's part; segments come in the order of their ids.
  mutating func add(_ segment: Segment, _ index: SpanIndex, skipsDamage: Bool)
    throws(StorageError)
  {
    let source = Source(SegmentPart(segment, index), &tables, skipsDamage: skipsDamage)
    try source.fill()
    sources.append(source)
  }

  /// Writes all rows in order; returns the tenant's part of the index, nil without rows.
  mutating func run(_ tenant: TenantID, to writer: SegmentWriter) throws(StorageError) -> [UInt8]? {
    var builder = SpanSegmentBuilder(tables)
    // Rows of one trace and start stand together: those of the present one.
    var group: [(row: SpanRow, message: [UInt8])] = []
    while let source = next(), let row = source.current {
      let message = Array(source.messages[row.message])
      if let first = group.first, first.row.trace != row.trace || first.row.start != row.start {
        group.removeAll()
      }
      let isKnown = group.contains {
        $0.row.resource == row.resource && $0.row.scope == row.scope && $0.message == message
      }
      if !isKnown {
        group.append((row, message))
        try add(row, source, to: &builder, writer)
      }
      try source.advance()
    }
    guard rowCount > 0 else { return nil }
    return try builder.finish(tenant, to: writer)
  }

  private mutating func add(
    _ row: SpanRow, _ source: Source, to builder: inout SpanSegmentBuilder,
    _ writer: SegmentWriter
  ) throws(StorageError) {
    let result: Result<Void, StorageError> = source.messages.withUnsafeBytes { messages in
      source.names[source.row].withUnsafeBytes { name in
        do throws(StorageError) {
          return .success(try builder.add(row, name: name, messages, to: writer))
        } catch {
          return .failure(error)
        }
      }
    }
    try result.get()
    rowCount += 1
    messageBytes += row.message.count
    let extent = starts ?? row.start...row.start
    starts = min(extent.lowerBound, row.start)...max(extent.upperBound, row.start)
  }

  private func next() -> Source? {
    var best: (source: Source, row: SpanRow)?
    for source in sources {
      guard let row = source.current else { continue }
      guard let known = best else {
        best = (source, row)
        continue
      }
      let isBefore =
        row.trace == known.row.trace ? row.start < known.row.start : row.trace < known.row.trace
      if isBefore { best = (source, row) }
    }
    return best?.source
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
          indexes = try SpanIndexCoding.decode(page)
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
    var written: [(tenant: TenantID, index: [UInt8])] = []
    var (rows, bytes) = (0, 0)
    var starts: ClosedRange<Int64>?
    for (tenant, var merge) in merges.sorted(by: { $0.key < $1.key }) {
      guard let index = try merge.run(tenant, to: writer), let extent = merge.starts else {
        continue
      }
      rows += merge.rowCount
      bytes += merge.messageBytes
      let known = starts ?? extent
      starts =
        min(known.lowerBound, extent.lowerBound)...max(known.upperBound, extent.upperBound)
      written.append((tenant, index))
    }
    guard let starts else { return }
    _ = try writer.append(SpanPage.index, SpanIndexCoding.encode(written.map(\.index)))
    writer.finish(
      SegmentSummary(
        tenant: written.count == 1 ? written[0].tenant.name : nil,
        oldest: Timestamp(nanoseconds: starts.lowerBound),
        newest: Timestamp(nanoseconds: starts.upperBound), rowCount: rows, rawByteCount: bytes))
  }
}
