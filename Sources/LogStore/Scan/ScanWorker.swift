import Synchronization
import TelemetryModel

/// One thread's part of a scan: reads sources and makes batches of them.
struct ScanWorker {
  private let plan: ScanPlan
  var statistics = ScanStatistics()
  /// By the segment's index.
  private var pruners: [ObjectIdentifier: SegmentPruner] = [:]
  /// The block that was read last: its columns are read as they are asked for.
  private var loaded: (any LoadedRows)?
  /// What that block's segment shares, for the next block, which is most often of the same one.
  private var columns: SegmentColumns?

  init(_ plan: ScanPlan) { self.plan = plan }

  /// The batches of a source, none when no row of it is wanted. A damaged block is named in the
  /// statistics and the rest of the store answers without it.
  mutating func read(_ source: ScanPlan.Source, _ range: Range<Timestamp>) throws(LogStoreError)
    -> [LogRows]
  {
    let batches: [LogRows]
    // Where nobody looks at lengths, bytes are told by the block's mean.
    var meanBytes: Int?
    switch source.place {
    case .batch(let batch, let stream):
      let rows = TextRows(batch)
      let whole = ChosenRun(stream: stream, rows: .range(0..<batch.count))
      batches = try choose([whole], of: rows, range, without: .none)
      for batch in batches { statistics.headLines += batch.count }
    case .block(let segment, let number, let runs):
      let entry = segment.index.blocks[number]
      do throws(LogStoreError) {
        guard mayHold(segment, number) else {
          statistics.blocksPruned += 1
          statistics.blocksPrunedByFilter += 1
          return []
        }
        batches = try readBlock(segment, entry, runs, range)
      } catch {
        guard error.code == .corrupt else { throw error }
        statistics.warnings.append(error.message)
        return []
      }
      if plan.scan.wants.isDisjoint(with: [.lines, .lineLengths]) {
        meanBytes = entry.lineByteCount / max(1, entry.rowCount)
      }
    }
    for batch in batches {
      statistics.lines += batch.count
      if let meanBytes {
        statistics.lineBytes += meanBytes * batch.count
      } else {
        for row in 0..<batch.count { statistics.lineBytes += batch.lineLength(row) }
      }
    }
    return batches
  }

  /// Counts what was read for the last source, once nobody looks at its batches any more.
  mutating func finish() {
    statistics.bytesInflated += loaded?.inflatedCount ?? 0
    statistics.bytesRead += loaded?.readCount ?? 0
    loaded = nil
  }

  /// Whether a block's rows can pass the conditions. A segment whose column index cannot be read
  /// is said so of when its blocks are.
  private mutating func mayHold(_ segment: LogSegment, _ number: Int) -> Bool {
    guard !plan.conditions.isEmpty || !plan.conditions.fieldConditions.isEmpty else { return true }
    let key = ObjectIdentifier(segment.index)
    if let known = pruners[key] { return known.mayHold(number) }
    guard let columns = try? segment.columns() else { return true }
    let made = SegmentPruner(columns, segment.index.streams, plan.conditions) { range in
      segment.index.filtersPage.flatMap { try? segment.pages.part(of: $0, range) }
    }
    pruners[key] = made
    return made.mayHold(number)
  }

  /// Parts of a page are taken on trust for a while: where they are found to be wrong, the whole
  /// page, checked, has the last word.
  private mutating func readBlock(
    _ segment: LogSegment, _ entry: BlockEntry, _ runs: [Int], _ range: Range<Timestamp>
  ) throws(LogStoreError) -> [LogRows] {
    statistics.blocksRead += 1
    guard !plan.scan.checksPages else {
      return try readBlock(segment, entry, runs, range, inParts: false)
    }
    do throws(LogStoreError) {
      return try readBlock(segment, entry, runs, range, inParts: true)
    } catch {
      guard error.code == .corrupt else { throw error }
      finish()
      return try readBlock(segment, entry, runs, range, inParts: false)
    }
  }

  private mutating func readBlock(
    _ segment: LogSegment, _ entry: BlockEntry, _ runs: [Int], _ range: Range<Timestamp>,
    inParts: Bool
  ) throws(LogStoreError) -> [LogRows] {
    let block = try segment.block(entry, inParts: inParts)
    if let block = block as? ColumnBlock { columns = block.segment }
    do throws(LogStoreError) {
      let rows = try block.load()
      loaded = rows
      return try choose(
        wantedRuns(segment, entry, runs), of: rows, range, without: segment.deletes)
    } catch { throw segment.named(error, entry) }
  }

  /// The runs of a block that are wanted, with all of their rows.
  private func wantedRuns(_ segment: LogSegment, _ entry: BlockEntry, _ runs: [Int])
    -> [ChosenRun]
  {
    var wanted: [ChosenRun] = []
    var start = 0
    var next = runs.startIndex
    for (place, run) in entry.runs.enumerated() {
      let rows = start..<(start + run.rowCount)
      start = rows.upperBound
      guard next < runs.endIndex, runs[next] == place else { continue }
      next += 1
      wanted.append(
        ChosenRun(
          stream: segment.index.streams[Int(run.stream)], rows: .range(rows),
          extent: run.oldest...run.newest))
    }
    return wanted
  }

  /// Of these runs the rows that are wanted, as batches.
  private mutating func choose(
    _ runs: [ChosenRun], of rows: any LoadedRows, _ range: Range<Timestamp>,
    without deletes: StreamDeletes
  ) throws(LogStoreError) -> [LogRows] {
    var chosen: [ChosenRun] = []
    for run in runs {
      guard case .range(let all) = run.rows else { continue }
      // Where the index says that all rows are in range, no time is looked at.
      let isWhole = run.extent.map {
        range.contains($0.lowerBound) && range.contains($0.upperBound)
      }
      let inRange = isWhole == true ? all : try rows.rows(all, in: range)
      if !inRange.isEmpty { chosen.append(ChosenRun(stream: run.stream, rows: .range(inRange))) }
    }
    if !plan.conditions.isEmpty { chosen = try rows.select(chosen, plan.conditions) }
    if !deletes.isEmpty {
      for index in chosen.indices { chosen[index] = try deletes.surviving(chosen[index], rows) }
      chosen.removeAll { $0.rows.count == 0 }
    }
    var remembered: [DuplicateFilter.Fingerprint] = []
    let duplicates = statistics.duplicates
    do throws(LogStoreError) {
      chosen = try withoutDuplicates(chosen, rows, &remembered)
      return chosen.isEmpty ? [] : try rows.batches(chosen, plan.scan)
    } catch {
      // Nobody gets these rows: another source that holds them gives them, and what was a duplicate
      // of them is one again when the block is read once more.
      statistics.duplicates = duplicates
      plan.seen.withLock { [remembered] in $0.subtract(remembered) }
      throw error
    }
  }

  /// Whole rows are compared, of streams alone that may repeat; the filter is shared between
  /// the workers.
  private mutating func withoutDuplicates(
    _ runs: [ChosenRun], _ rows: any LoadedRows,
    _ remembered: inout [DuplicateFilter.Fingerprint]
  ) throws(LogStoreError) -> [ChosenRun] {
    let compared = runs.map {
      plan.duplicates.applies(to: $0.stream, mayRepeat: rows.mayRepeat)
    }
    guard compared.contains(true) else { return runs }
    var kept: [ChosenRun] = []
    for (run, isCompared) in zip(runs, compared) {
      guard isCompared else {
        kept.append(run)
        continue
      }
      var run = run
      let before = run.rows.count
      let candidates = try DuplicateFilter.Candidates(run, rows, plan.duplicates)
      run.rows = plan.seen.withLock {
        DuplicateFilter.filter(run.rows, candidates, &$0, remembered: &remembered)
      }
      statistics.duplicates += before - run.rows.count
      if run.rows.count > 0 { kept.append(run) }
    }
    return kept
  }
}
