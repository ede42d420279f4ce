import TelemetryModel

/// Walks a snapshot for one ``LogScan``: decides which blocks may hold wanted rows, puts them in
/// order, decodes them one after another and hands rows to the visitor.
struct LogScanner {
  /// A block or head batch that may hold wanted rows.
  private struct Source {
    enum Place {
      case batch(HeadBatch, StreamReference)
      /// The segment, the block's number and the runs of it that are wanted.
      case block(LogSegment, Int, [Int])
    }

    let place: Place
    let oldest: Timestamp
    let newest: Timestamp
  }

  private let scan: LogScan
  private var statistics = ScanStatistics()
  private var sources: [Source] = []
  private var selection: RowSelection
  private var duplicates: DuplicateFilter

  init(_ scan: LogScan, _ snapshot: LogSnapshot) throws(LogStoreError) {
    self.scan = scan
    selection = RowSelection(range: scan.range, requiredLiterals: scan.requiredLiterals)
    duplicates = DuplicateFilter(extents: [:], range: scan.range)
    statistics.warnings = snapshot.warnings
    guard !scan.range.isEmpty else { return }
    let matchers = try CompiledMatcher.compile(scan.matchers)
    var extents: [UInt64: [ClosedRange<Timestamp>]] = [:]
    for head in snapshot.heads { addHead(head, matchers, &extents) }
    for segment in snapshot.segments { addSegment(segment, matchers, &extents) }
    duplicates = DuplicateFilter(extents: extents, range: scan.range)
    switch scan.order {
    case .newestFirst: sources.sort { $0.newest > $1.newest }
    case .oldestFirst: sources.sort { $0.oldest < $1.oldest }
    }
  }

  private mutating func addHead(
    _ head: LogHead, _ matchers: [CompiledMatcher],
    _ extents: inout [UInt64: [ClosedRange<Timestamp>]]
  ) {
    for stream in head.streams(scan.tenants, matchers, scan.range) {
      var isTouched = false
      for batch in stream.batches {
        extents[stream.reference.id, default: []].append(batch.oldest...batch.newest)
        guard batch.newest >= scan.range.lowerBound, batch.oldest < scan.range.upperBound else {
          continue
        }
        isTouched = true
        sources.append(
          Source(
            place: .batch(batch, stream.reference), oldest: batch.oldest, newest: batch.newest))
      }
      if isTouched { statistics.streamsMatched += 1 }
    }
  }

  private mutating func addSegment(
    _ segment: LogSegment, _ matchers: [CompiledMatcher],
    _ extents: inout [UInt64: [ClosedRange<Timestamp>]]
  ) {
    let index = segment.index
    let wanted = LogSnapshot.streams(of: segment, scan.tenants, matchers, scan.range)
    guard !wanted.isEmpty else {
      statistics.blocksPruned += index.blocks.count
      return
    }
    statistics.segmentsTouched += 1
    statistics.streamsMatched += wanted.count
    wanted.forEach { ordinal in
      extents[index.streams[ordinal].id, default: []].append(index.extents[ordinal])
    }
    for (number, block) in index.blocks.enumerated() {
      var runs: [Int] = []
      var oldest = Timestamp.distantFuture
      var newest = Timestamp.distantPast
      for (place, run) in block.runs.enumerated()
      where run.newest >= scan.range.lowerBound && run.oldest < scan.range.upperBound
        && wanted.contains(Int(run.stream))
      {
        runs.append(place)
        oldest = min(oldest, run.oldest)
        newest = max(newest, run.newest)
      }
      if runs.isEmpty {
        statistics.blocksPruned += 1
      } else {
        sources.append(
          Source(place: .block(segment, number, runs), oldest: oldest, newest: newest))
      }
    }
  }

  /// Visits all sources; the statistics of what was touched.
  mutating func run(_ visit: (LogRows) throws -> ScanStep) throws -> ScanStatistics {
    defer { statistics.duplicates = duplicates.leftOut }
    for source in sources {
      if scan.isCancelled() {
        throw LogStoreError(.cancelled, "the question was cancelled")
      }
      let range = selection.range
      guard source.newest >= range.lowerBound, source.oldest < range.upperBound else {
        if case .block = source.place { statistics.blocksPruned += 1 }
        continue
      }
      guard let rows = try read(source) else { continue }
      count(rows, source)
      switch try visit(rows) {
      case .proceed: break
      case .stop:
        statistics.duplicates = duplicates.leftOut
        return statistics
      case .narrow(let narrower):
        let low = max(range.lowerBound, narrower.lowerBound)
        selection.range = low..<max(low, min(range.upperBound, narrower.upperBound))
      }
    }
    statistics.duplicates = duplicates.leftOut
    return statistics
  }

  private mutating func count(_ rows: LogRows, _ source: Source) {
    statistics.lines += rows.count
    for row in 0..<rows.count { statistics.lineBytes += rows.lineRange(row).count }
    if case .batch = source.place { statistics.headLines += rows.count }
  }

  private mutating func read(_ source: Source) throws(LogStoreError) -> LogRows? {
    switch source.place {
    case .batch(let batch, let stream):
      return selection.select(RowColumns(batch, stream: stream), &duplicates)
    case .block(let segment, let number, let runs):
      do throws(LogStoreError) {
        return try readBlock(segment, segment.index.blocks[number], runs)
      } catch {
        // The rest of the store answers without the block.
        guard error.code == .corrupt else { throw error }
        statistics.warnings.append(error.message)
        return nil
      }
    }
  }

  /// The runs of a block that are wanted, with their rows.
  private func wantedRuns(_ segment: LogSegment, _ entry: BlockEntry, _ runs: [Int])
    -> [RowColumns.Run]
  {
    var wanted: [RowColumns.Run] = []
    var start = 0
    var next = runs.startIndex
    for (place, run) in entry.runs.enumerated() {
      let rows = start..<(start + run.rowCount)
      start = rows.upperBound
      guard next < runs.endIndex, runs[next] == place else { continue }
      next += 1
      wanted.append(RowColumns.Run(stream: segment.index.streams[Int(run.stream)], rows: rows))
    }
    return wanted
  }

  private mutating func readBlock(_ segment: LogSegment, _ entry: BlockEntry, _ runs: [Int])
    throws(LogStoreError) -> LogRows?
  {
    let (block, byteCount) = try segment.block(entry)
    statistics.blocksRead += 1
    statistics.bytesRead += byteCount
    do throws(LogStoreError) {
      let wanted = wantedRuns(segment, entry, runs)
      // Duplicates are told by the whole row, so that streams with overlaps need all of it.
      let isCompared = wanted.contains { duplicates.applies(to: $0.stream, mayRepeat: false) }
      let needsLines = scan.needsLines || isCompared || !selection.literals.isEmpty
      let lines =
        needsLines ? try block.lines() : LineColumn(bytes: [], ends: try block.lineEnds())
      statistics.bytesInflated += lines.bytes.count
      guard selection.mayHold(lines.bytes) else {
        statistics.blocksPruned += 1
        return nil
      }
      var columns = RowColumns(
        runs: wanted, timestamps: try block.timestamps(), lines: lines,
        structuredMetadata: scan.needsMetadata || isCompared
          ? try block.structuredMetadata() : [])
      columns.hasLines = needsLines
      return selection.select(columns, &duplicates)
    } catch { throw segment.named(error, entry) }
  }
}
