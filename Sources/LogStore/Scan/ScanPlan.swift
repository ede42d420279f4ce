import Synchronization
import TelemetryModel

/// A scan that was planned: the blocks and head batches that may hold wanted rows, in order.
///
/// Any number of threads may call ``work(_:)`` at once, each with a visitor of its own; each
/// takes the next source as it becomes free. Every wanted row is visited once, by one of them.
package final class ScanPlan: Sendable {
  /// A block or head batch that may hold wanted rows.
  struct Source: Sendable {
    enum Place: Sendable {
      case batch(HeadBatch, StreamReference)
      /// The segment, the block's number and the runs of it that are wanted.
      case block(LogSegment, Int, [Int])
    }

    let place: Place
    let oldest: Timestamp
    let newest: Timestamp
    /// Sources that came later into the store have a larger number.
    let arrival: Int
  }

  private struct Shared {
    var next = 0
    var range: Range<Timestamp>
    var isStopped = false
    /// The plan's own statistics were handed out.
    var isCounted = false
  }

  let scan: LogScan
  let conditions: ScanConditions
  /// What planning found, before any block was read.
  private let statistics: ScanStatistics
  /// How many bytes the lines have that may be wanted, by the index: at most.
  package let lineBytes: Int
  private let sources: [Source]
  private let shared: Mutex<Shared>
  let duplicates: DuplicateFilter
  /// Rows that were visited and that another source may hold too.
  let seen = Mutex<Set<DuplicateFilter.Fingerprint>>([])

  /// How many sources there are: more workers than these have nothing to do.
  package var sourceCount: Int { sources.count }

  init(_ scan: LogScan, _ snapshot: LogSnapshot) throws(LogStoreError) {
    self.scan = scan
    conditions = ScanConditions(scan)
    var planning = ScanPlanning(scan)
    planning.statistics.warnings = snapshot.warnings
    if !scan.range.isEmpty {
      let matchers = try CompiledMatcher.compile(scan.matchers)
      // The head that takes rows comes first, those that are being written out are older.
      for (age, head) in snapshot.heads.enumerated() {
        planning.addHead(head, matchers, arrival: (1 << 40) - (age << 32))
      }
      for segment in snapshot.segments { planning.addSegment(segment, matchers) }
    }
    switch scan.order {
    case .newestFirst: planning.sources.sort { $0.newest > $1.newest }
    case .oldestFirst: planning.sources.sort { $0.oldest < $1.oldest }
    }
    sources = planning.sources
    statistics = planning.statistics
    lineBytes = planning.lineBytes
    duplicates = DuplicateFilter(extents: planning.extents, range: scan.range)
    shared = Mutex(Shared(range: scan.range))
  }

  /// Visits sources until none is left or a visitor said to stop; the statistics of what this
  /// caller read, the first one's with what planning found.
  ///
  /// Throws ``LogStoreError`` for cancellation, and what `visit` throws, which stops the others.
  package func work(_ visit: (LogRows) throws -> ScanStep) throws -> ScanStatistics {
    var worker = ScanWorker(self)
    let isFirst = shared.withLock { shared in
      defer { shared.isCounted = true }
      return !shared.isCounted
    }
    if isFirst { worker.statistics = statistics }
    do {
      while let (source, range) = try next(&worker.statistics) {
        for var batch in try worker.read(source, range) {
          batch.arrival = source.arrival
          let step = try visited(batch, source, visit)
          worker.statistics.rowsRendered += batch.renderedCount
          if !proceed(step) {
            worker.finish()
            return worker.statistics
          }
        }
        worker.finish()
      }
    } catch {
      shared.withLock { $0.isStopped = true }
      throw error
    }
    return worker.statistics
  }

  /// Hands a batch on. Throws where the visitor asked for what cannot be read: what it has made of
  /// it cannot be taken back.
  private func visited(
    _ batch: LogRows, _ source: Source, _ visit: (LogRows) throws -> ScanStep
  ) throws -> ScanStep {
    let result = Result { try visit(batch) }
    if let failure = batch.failure {
      guard case .block(let segment, let number, _) = source.place else { throw failure }
      throw segment.confirmed(failure, segment.index.blocks[number])
    }
    return try result.get()
  }

  /// The next source that still matters, and the range that does.
  private func next(_ statistics: inout ScanStatistics) throws(LogStoreError)
    -> (Source, Range<Timestamp>)?
  {
    if scan.isCancelled() { throw LogStoreError(.cancelled, "the question was cancelled") }
    return shared.withLock { shared in
      while !shared.isStopped, shared.next < sources.count {
        let source = sources[shared.next]
        shared.next += 1
        if source.newest >= shared.range.lowerBound, source.oldest < shared.range.upperBound {
          return (source, shared.range)
        }
        if case .block = source.place {
          statistics.blocksPruned += 1
          statistics.blocksPrunedByTime += 1
        }
      }
      return nil
    }
  }

  private func proceed(_ step: ScanStep) -> Bool {
    switch step {
    case .proceed: return true
    case .stop:
      shared.withLock { $0.isStopped = true }
      return false
    case .narrow(let narrower):
      shared.withLock { shared in
        let low = max(shared.range.lowerBound, narrower.lowerBound)
        shared.range = low..<max(low, min(shared.range.upperBound, narrower.upperBound))
      }
      return true
    }
  }
}

/// Gathers the sources of a scan.
private struct ScanPlanning {
  let scan: LogScan
  var sources: [ScanPlan.Source] = []
  var statistics = ScanStatistics()
  var lineBytes = 0
  private var segmentCount = 0
  /// From when to when each source of a stream reaches.
  var extents: [UInt64: [ClosedRange<Timestamp>]] = [:]

  init(_ scan: LogScan) { self.scan = scan }

  mutating func addHead(_ head: LogHead, _ matchers: [CompiledMatcher], arrival: Int) {
    for stream in head.streams(scan.tenants, matchers, scan.range) {
      var isTouched = false
      for batch in stream.batches {
        extents[stream.reference.id, default: []].append(batch.oldest...batch.newest)
        guard batch.newest >= scan.range.lowerBound, batch.oldest < scan.range.upperBound else {
          continue
        }
        isTouched = true
        lineBytes += batch.lineBytes.count
        sources.append(
          ScanPlan.Source(
            place: .batch(batch, stream.reference), oldest: batch.oldest, newest: batch.newest,
            arrival: arrival + sources.count))
      }
      if isTouched { statistics.streamsMatched += 1 }
    }
  }

  mutating func addSegment(_ segment: LogSegment, _ matchers: [CompiledMatcher]) {
    let index = segment.index
    let wanted = LogSnapshot.streams(of: segment, scan.tenants, matchers, scan.range)
    guard !wanted.isEmpty else {
      statistics.blocksPruned += index.blocks.count
      statistics.blocksPrunedByStream += index.blocks.count
      return
    }
    statistics.segmentsTouched += 1
    segmentCount += 1
    statistics.streamsMatched += wanted.count
    wanted.forEach { ordinal in
      extents[index.streams[ordinal].id, default: []].append(index.extents[ordinal])
    }
    for (number, block) in index.blocks.enumerated() {
      var runs: [Int] = []
      var oldest = Timestamp.distantFuture
      var newest = Timestamp.distantPast
      var hasStream = false
      var rowCount = 0
      for (place, run) in block.runs.enumerated() where wanted.contains(Int(run.stream)) {
        hasStream = true
        guard run.newest >= scan.range.lowerBound, run.oldest < scan.range.upperBound else {
          continue
        }
        runs.append(place)
        rowCount += run.rowCount
        oldest = min(oldest, run.oldest)
        newest = max(newest, run.newest)
      }
      if runs.isEmpty {
        statistics.blocksPruned += 1
        if hasStream {
          statistics.blocksPrunedByTime += 1
        } else {
          statistics.blocksPrunedByStream += 1
        }
      } else {
        lineBytes += block.lineByteCount * rowCount / max(1, block.rowCount)
        sources.append(
          ScanPlan.Source(
            place: .block(segment, number, runs), oldest: oldest, newest: newest,
            arrival: (segmentCount << 20) + number))
      }
    }
  }
}
