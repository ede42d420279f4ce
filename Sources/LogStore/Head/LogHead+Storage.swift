import Storage
import TelemetryModel
import WireFormats

/// Pages of a log segment, by their type in the file.
enum LogPageType {
  static let block: UInt16 = 1
  static let streamIndex: UInt16 = 2
  static let columnIndex: UInt16 = 3
  static let filters: UInt16 = 4
}

extension LogHead: StoreHead {
  func replay(_ record: WALRecord) throws(StorageError) {
    guard record.kind == PushRecord.kind else {
      throw StorageError(
        .corrupt, "a record of kind \(record.kind) is not known to this version")
    }
    do throws(LogStoreError) {
      let push = try PushRecord.decode(record.payload, decoder)
      append(push.streams, tenant: push.tenant)
    } catch { throw StorageError(.corrupt, error.message) }
  }

  /// Writes all rows as one segment: blocks, what they share, then the stream index.
  func write(to output: SegmentOutput) throws(StorageError) {
    try Self.writeSegment(to: output) { (builder, writer) throws(LogStoreError) in
      try builder.write(allStreams(), to: writer)
    }
  }

  func gain(of rewrite: SegmentRewrite) throws(StorageError) -> RewriteGain {
    let rowCount = rewrite.segment.summary.rowCount
    if retention.isEmpty, rewrite.tombstones.isEmpty { return rewrite.gainByAge }
    let opened: LogSegment
    let deletes: StreamDeletes
    do throws(LogStoreError) {
      opened = try LogSegment(rewrite.segment, table)
      deletes = try compiled.deletes(rewrite.tombstones)
    } catch { throw StorageError(error) }
    var gone = 0
    var isTouched = false
    for (ordinal, stream) in opened.index.streams.enumerated() {
      let extent = opened.index.extents[ordinal]
      let limit = retention.limit(of: stream, now: rewrite.now, preset: rewrite.retention)
      if extent.upperBound < limit { gone += opened.index.rowCount(of: ordinal) }
      isTouched =
        isTouched || deletes.of(stream).contains { $0.range.overlaps(extent) }
    }
    if gone >= rowCount { return .all }
    let share = Double(gone) / Double(max(1, rowCount))
    return share > 0 || isTouched ? .part(share) : .nothing
  }

  func sharedByteCount(of segment: Segment) -> Int {
    segment.pages.reduce(0) { $0 + ($1.type == LogPageType.columnIndex ? $1.length : 0) }
  }

  func merge(_ rewrites: [SegmentRewrite], to output: SegmentOutput) throws(StorageError) {
    var sources: [SegmentRowSource] = []
    var streams: [UInt64: StreamReference] = [:]
    let first = rewrites[0]
    do throws(LogStoreError) {
      // Rows of one time stay in the order of arrival.
      for rewrite in rewrites.sorted(by: { $0.segment.id < $1.segment.id }) {
        let segment: LogSegment
        do throws(LogStoreError) {
          segment = try LogSegment(rewrite.segment, table)
        } catch {
          guard rewrite.skipsDamage, error.code == .corrupt else { throw error }
          continue
        }
        let deletes = try compiled.deletes(rewrite.tombstones)
        sources.append(
          SegmentRowSource(segment, deletes: deletes, skipsDamage: rewrite.skipsDamage))
        for stream in segment.index.streams { streams[stream.id] = stream }
      }
    } catch { throw StorageError(error) }
    let sorted = streams.values.sorted(by: SegmentBuilder.isBefore)
    let merge = StreamMerge(sources: sources, streams: sorted) { [retention] stream in
      retention.limit(of: stream, now: first.now, preset: first.retention)
    }
    try Self.writeSegment(to: output) { (builder, writer) throws(LogStoreError) in
      var present: [StreamReference] = []
      var last: UInt32?
      try merge.run { (batch, ordinal) throws(LogStoreError) in
        // Streams whose rows are all gone get no place.
        if last != ordinal { present.append(sorted[Int(ordinal)]) }
        last = ordinal
        for row in 0..<batch.count {
          try builder.append(batch, row, UInt32(present.count - 1), writer)
        }
      }
      return try builder.finish(present, writer)
    }
  }

  /// Writes one segment, or none when `build` brings no rows.
  private static func writeSegment(
    to output: SegmentOutput,
    _ build: (inout SegmentBuilder, SegmentBuilder.PageWriter) throws(LogStoreError) -> SegmentIndex
  ) throws(StorageError) {
    let writer = try output.begin()
    var builder = SegmentBuilder { output.didWrite(rows: $0) }
    var failure: StorageError?
    do throws(LogStoreError) {
      let index = try build(&builder) { (type, page) throws(LogStoreError) in
        do throws(StorageError) {
          return try writer.append(type, page)
        } catch {
          failure = error
          throw LogStoreError(error)
        }
      }
      guard builder.rowCount > 0 else { return }
      let page = index.encode()
      do throws(StorageError) {
        _ = try writer.append(LogPageType.streamIndex, page)
      } catch {
        failure = error
        throw LogStoreError(error)
      }
      writer.finish(
        SegmentSummary(
          oldest: index.oldest, newest: index.newest, rowCount: builder.rowCount,
          rawByteCount: builder.lineByteCount))
    } catch { throw failure ?? StorageError(.corrupt, error.message) }
  }
}

extension StorageError {
  /// Of the reading of a segment: bytes that are wrong, or a call that failed.
  fileprivate init(_ error: LogStoreError) {
    self.init(error.code == .corrupt ? .corrupt : .system, error.message)
  }
}

extension LogStoreError {
  init(_ error: StorageError) {
    switch error.code {
    case .corrupt: self.init(.corrupt, error.message)
    case .diskFull, .overloaded: self.init(.unavailable, error.message)
    case .closed, .inUse: self.init(.closed, error.message)
    case .tooLarge: self.init(.refused, error.message, status: 413)
    default: self.init(.system, error.message)
    }
  }
}
