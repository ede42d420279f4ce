import TelemetryModel

/// The rows of one stream in several segments, in the order of time.
///
/// Holds one block at a time, and reads it when its rows' turn has come. A block that several
/// streams share is decoded once, as long as streams are asked for in the order of the segments
/// and it is not released in between.
final class SegmentRowSource {
  /// Rows of one batch of a block, as far as they were taken.
  private struct Part {
    var batch: LogRows
    var rows: Range<Int>

    var time: Timestamp { batch.timestamps[rows.lowerBound] }
  }

  private let segment: LogSegment
  private let deletes: StreamDeletes
  private let skipsDamage: Bool
  private let ordinals: [UInt64: Int]
  /// The present stream's place in the segment.
  private var ordinal: Int?
  private var loaded: (number: Int, rows: any LoadedRows, starts: [Int])?
  /// What the segment's blocks share, so that it is read once.
  private var columns: SegmentColumns?
  private var stream: StreamReference?
  private var limit = Timestamp.distantPast
  /// The blocks to come that have wanted rows of the stream.
  private var blocks: ArraySlice<UInt32> = []
  /// No wanted row of the first of them is before this time.
  private var nextTime: Timestamp?
  /// A block gives one batch, or one in columns and one of other lines.
  private var parts: [Part] = []

  init(_ segment: LogSegment, deletes: StreamDeletes, skipsDamage: Bool) {
    self.segment = segment
    self.deletes = deletes
    self.skipsDamage = skipsDamage
    var ordinals: [UInt64: Int] = [:]
    for (ordinal, stream) in segment.index.streams.enumerated() { ordinals[stream.id] = ordinal }
    self.ordinals = ordinals
  }

  /// Begins a stream, without rows older than `limit`.
  func begin(_ stream: StreamReference, notBefore limit: Timestamp) {
    self.stream = stream
    self.limit = limit
    parts = []
    ordinal = ordinals[stream.id]
    blocks = ordinal.map { segment.index.blocksOf[$0][...] } ?? []
    passOldBlocks()
  }

  /// Leaves blocks unread whose rows of the stream are all too old.
  private func passOldBlocks() {
    nextTime = nil
    while let ordinal, let number = blocks.first {
      let entry = segment.index.blocks[Int(number)]
      if let place = entry.place(of: ordinal), entry.runs[place].newest >= limit {
        nextTime = max(entry.runs[place].oldest, limit)
        return
      }
      blocks.removeFirst()
    }
  }

  /// The time of the next row, nil at the stream's end. While the source waits it is a time that
  /// no row is before, by the index.
  var time: Timestamp? {
    var least: Timestamp?
    for part in parts { least = min(least ?? part.time, part.time) }
    return least ?? nextTime
  }

  /// There are blocks to come, and no row is at hand: ``fill()`` has to be called.
  var isWaiting: Bool { parts.isEmpty && !blocks.isEmpty }

  /// Gives up the memory of the block that was read last, as far as no row of it is to be taken.
  func release() { loaded = nil }

  /// Takes rows up to `end`, at least one, and appends them to `out`. Rows are at hand.
  func take(through end: Timestamp, into out: inout StreamRows) {
    guard var index = parts.indices.first else { return }
    for other in parts.indices where parts[other].time < parts[index].time { index = other }
    // Not past what the block's other part has next.
    var end = end
    for other in parts.indices where other != index { end = min(end, parts[other].time) }
    var row = parts[index].rows.lowerBound
    let batch = parts[index].batch
    repeat {
      batch.withLine(row) { out.append(line: $0, batch.timestamps[row], batch.metadata(row)) }
      row += 1
    } while row < parts[index].rows.upperBound && batch.timestamps[row] <= end
      && out.lineBytes.count < SegmentBuilder.blockLineBytes
    parts[index].rows = row..<parts[index].rows.upperBound
    if parts[index].rows.isEmpty { parts.remove(at: index) }
  }

  /// Reads the next block that has rows of the stream, when none are at hand.
  func fill() throws(LogStoreError) {
    while parts.isEmpty, let number = blocks.popFirst() {
      passOldBlocks()
      do throws(LogStoreError) {
        try open(Int(number))
      } catch {
        guard skipsDamage, error.code == .corrupt else { throw error }
      }
    }
  }

  private func open(_ number: Int) throws(LogStoreError) {
    let entry = segment.index.blocks[number]
    guard let stream, let place = ordinal.flatMap(entry.place(of:)) else { return }
    if loaded?.number != number {
      loaded = nil
      let block = try segment.block(entry)
      if let block = block as? ColumnBlock { columns = block.segment }
      var starts: [Int] = []
      var start = 0
      for run in entry.runs {
        starts.append(start)
        start += run.rowCount
      }
      loaded = (number, try block.load(), starts)
    }
    guard let loaded else { return }
    let (rows, start) = (loaded.rows, loaded.starts[place])
    let range = start..<(start + entry.runs[place].rowCount)
    // The last moment is a row's too, which no half-open range holds.
    let kept = try rows.rows(range, in: limit..<Timestamp.distantFuture)
    var chosen = ChosenRun(stream: stream, rows: .range(kept.lowerBound..<range.upperBound))
    chosen = try deletes.surviving(chosen, rows)
    guard chosen.rows.count > 0 else { return }
    let scan = LogScan(tenants: [], matchers: [], range: .distantPast ..< .distantFuture)
    for batch in try rows.batches([chosen], scan) where batch.count > 0 {
      parts.append(Part(batch: batch, rows: 0..<batch.count))
    }
  }
}

extension StreamRows {
  fileprivate mutating func append(
    line: UnsafeRawBufferPointer, _ time: Timestamp, _ metadata: [Label]
  ) {
    timestamps.append(time)
    lineBytes.append(contentsOf: line)
    lineEnds.append(lineBytes.count)
    if !metadata.isEmpty || !structuredMetadata.isEmpty {
      while structuredMetadata.count < timestamps.count - 1 { structuredMetadata.append([]) }
      structuredMetadata.append(metadata)
    }
  }
}

/// Merges segments stream by stream, in the order of time; rows of one time come in the order of
/// the segments, so that exact duplicates meet.
struct StreamMerge {
  let sources: [SegmentRowSource]
  /// In the order of a segment: see ``SegmentBuilder/isBefore(_:_:)``.
  let streams: [StreamReference]
  /// Rows of a stream that are older are left out.
  let limit: (StreamReference) -> Timestamp
  /// So many blocks at most stay decoded for the stream that comes next.
  private static let blocksMax = 8

  /// Gives the rows of all streams in pieces, each with its stream's place in ``streams``.
  func run(_ visit: (HeadBatch, UInt32) throws(LogStoreError) -> Void) throws(LogStoreError) {
    var recent: [Int] = []
    for (ordinal, stream) in streams.enumerated() {
      let limit = limit(stream)
      for source in sources { source.begin(stream, notBefore: limit) }
      var rows = StreamRows(labels: stream.labels)
      while let (index, end) = next() {
        guard !sources[index].isWaiting else {
          recent.removeAll { $0 == index }
          if recent.count >= Self.blocksMax { sources[recent.removeFirst()].release() }
          recent.append(index)
          try sources[index].fill()
          continue
        }
        sources[index].take(through: end, into: &rows)
        if rows.lineBytes.count >= SegmentBuilder.blockLineBytes / 4 || rows.count >= 4096 {
          try visit(HeadBatch(rows), UInt32(ordinal))
          rows = StreamRows(labels: stream.labels)
        }
      }
      if rows.count > 0 { try visit(HeadBatch(rows), UInt32(ordinal)) }
    }
  }

  /// The source with the next row, and up to when it may give rows before another's turn.
  private func next() -> (index: Int, end: Timestamp)? {
    var best: (index: Int, time: Timestamp)?
    var end = Timestamp.distantFuture
    for (index, source) in sources.enumerated() {
      guard let time = source.time else { continue }
      if let known = best {
        if time < known.time {
          // At its own time the one before goes first.
          end = min(end, known.time - TimeSpan(nanoseconds: 1))
          best = (index, time)
        } else {
          end = min(end, time)
        }
      } else {
        best = (index, time)
      }
    }
    return best.map { ($0.index, max(end, $0.time)) }
  }
}
