import TelemetryModel

/// Heads and segments as they were at one moment: what a question is asked of.
///
/// Everything in it is immutable or safe to share; a segment that is dropped meanwhile stays
/// readable until the last snapshot is gone.
struct LogSnapshot: Sendable {
  /// The head that takes rows, and heads that are being written out.
  var heads: [LogHead]
  var segments: [LogSegment]
  /// Segments that could not be opened, in words for an answer's warnings.
  var warnings: [String] = []

  /// The streams of a segment that match and overlap `range`.
  static func streams(
    of segment: LogSegment, _ tenants: [TenantID], _ matchers: [CompiledMatcher],
    _ range: Range<Timestamp>
  ) -> StreamSet {
    let index = segment.index
    guard index.newest >= range.lowerBound, index.oldest < range.upperBound else {
      return StreamSet(capacity: index.streams.count)
    }
    var found = index.labels.streams(tenants, matchers)
    var outside: [Int] = []
    found.forEach { ordinal in
      let extent = index.extents[ordinal]
      if extent.upperBound < range.lowerBound || extent.lowerBound >= range.upperBound {
        outside.append(ordinal)
      }
    }
    for ordinal in outside { found.remove(ordinal) }
    return found
  }

  // MARK: streams and their labels

  /// What the streams that match any of `selectors` (all streams, when there is none) hold
  /// within `range`, by what the indexes tell: rows and bytes of whole blocks.
  struct StreamUse {
    var rowCount = 0
    var lineByteCount = 0
    var chunkCount = 0
  }

  /// The matching streams, each once.
  func streams(
    _ tenants: [TenantID], _ selectors: [[LabelMatcher]], _ range: Range<Timestamp>
  ) throws(LogStoreError) -> [StreamReference: StreamUse] {
    var found: [StreamReference: StreamUse] = [:]
    for selector in selectors.isEmpty ? [[]] : selectors {
      let matchers = try CompiledMatcher.compile(selector)
      var ofSelector: [StreamReference: StreamUse] = [:]
      for head in heads {
        for stream in head.streams(tenants, matchers, range) {
          add(stream, range, to: &ofSelector)
        }
      }
      for segment in segments { add(segment, tenants, matchers, range, to: &ofSelector) }
      // A stream that two selectors match counts once.
      found.merge(ofSelector) { known, _ in known }
    }
    return found
  }

  private func add(
    _ stream: LogHead.Stream, _ range: Range<Timestamp>,
    to found: inout [StreamReference: StreamUse]
  ) {
    var use = StreamUse()
    for batch in stream.batches
    where batch.newest >= range.lowerBound && batch.oldest < range.upperBound {
      use.rowCount += batch.count
      use.lineByteCount += batch.lineBytes.count
    }
    guard use.rowCount > 0 else { return }
    found[stream.reference, default: StreamUse()].rowCount += use.rowCount
    found[stream.reference, default: StreamUse()].lineByteCount += use.lineByteCount
    found[stream.reference, default: StreamUse()].chunkCount += 1
  }

  private func add(
    _ segment: LogSegment, _ tenants: [TenantID], _ matchers: [CompiledMatcher],
    _ range: Range<Timestamp>, to found: inout [StreamReference: StreamUse]
  ) {
    let index = segment.index
    Self.streams(of: segment, tenants, matchers, range).forEach { ordinal in
      var use = found[index.streams[ordinal]] ?? StreamUse()
      var isTouched = false
      for number in index.blocksOf[ordinal] {
        let block = index.blocks[Int(number)]
        guard let run = block.place(of: ordinal).map({ block.runs[$0] }),
          run.newest >= range.lowerBound, run.oldest < range.upperBound
        else { continue }
        isTouched = true
        use.rowCount += run.rowCount
        use.lineByteCount += block.lineByteCount * run.rowCount / max(1, block.rowCount)
        use.chunkCount += 1
      }
      if isTouched { found[index.streams[ordinal]] = use }
    }
  }
}
