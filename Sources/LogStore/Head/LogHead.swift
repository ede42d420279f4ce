import Synchronization
import TelemetryModel
import WireFormats

/// The newest rows, in memory, until they become a segment. Searched in place.
///
/// Safe to use from several threads: an append holds the lock for the copy of its rows, a scan
/// for the gathering of references.
final class LogHead: Sendable {
  /// Rows of a stream are gathered in one batch up to this many bytes of lines.
  static let batchByteCountMax = 256 << 10

  struct Stream {
    let reference: StreamReference
    var sealed: [HeadBatch] = []
    var open: HeadBatch?

    /// In the order of arrival.
    var batches: [HeadBatch] { sealed + (open.map { [$0] } ?? []) }
  }

  private struct State {
    var streams: [Stream] = []
    var ordinals: [StreamKey: Int] = [:]
    var index = LabelIndex()
    var streamsOf: [TenantID: Int] = [:]
    var rowCount = 0
    var lineByteCount = 0
    var memoryByteCount = 0
    var oldest = Timestamp.distantFuture
    var newest = Timestamp.distantPast
  }

  private let state = Mutex(State())
  let table: StreamTable
  /// How long rows of each stream are kept.
  let retention: RetentionRules
  /// Reads pushes when they are replayed.
  let decoder: LokiPushDecoder
  /// Those of the engine, for segments that are written anew.
  let compiled: CompiledDeletes

  init(
    table: StreamTable, decoder: LokiPushDecoder = LokiPushDecoder(),
    retention: RetentionRules = RetentionRules(), compiled: CompiledDeletes = CompiledDeletes()
  ) {
    self.compiled = compiled
    self.retention = retention
    self.table = table
    self.decoder = decoder
  }

  // MARK: adding

  /// Adds the rows of a push; streams without rows are passed over.
  func append(_ streams: [StreamRows], tenant: TenantID) {
    state.withLock { state in
      for rows in streams where rows.count > 0 { append(rows, tenant, to: &state) }
    }
  }

  private func append(_ rows: StreamRows, _ tenant: TenantID, to state: inout State) {
    let key = StreamKey(tenant: tenant, labels: rows.labels)
    let ordinal = state.ordinals[key] ?? addStream(key, to: &state)
    state.rowCount += rows.count
    state.lineByteCount += rows.lineBytes.count
    state.memoryByteCount += rows.lineBytes.count + rows.count * 20 + Self.metadataBytes(rows)
    for timestamp in rows.timestamps {
      state.oldest = min(state.oldest, timestamp)
      state.newest = max(state.newest, timestamp)
    }
    let openBytes = state.streams[ordinal].open?.lineBytes.count ?? 0
    if openBytes > 0, openBytes + rows.lineBytes.count > Self.batchByteCountMax {
      if let open = state.streams[ordinal].open { state.streams[ordinal].sealed.append(open) }
      state.streams[ordinal].open = nil
    }
    if state.streams[ordinal].open == nil {
      state.streams[ordinal].open = HeadBatch(rows)
    } else {
      state.streams[ordinal].open?.append(rows)
    }
  }

  private func addStream(_ key: StreamKey, to state: inout State) -> Int {
    let reference = table.reference(key)
    let ordinal = state.streams.count
    state.streams.append(Stream(reference: reference))
    state.ordinals[key] = ordinal
    state.index.append(reference)
    state.streamsOf[key.tenant, default: 0] += 1
    state.memoryByteCount += 512
    return ordinal
  }

  /// What the metadata takes: lists are counted once for each row that is not like its
  /// neighbour, since enrichment shares them.
  private static func metadataBytes(_ rows: StreamRows) -> Int {
    var bytes = rows.structuredMetadata.count * 8
    for list in rows.structuredMetadata where list.count > 1 { bytes += 64 + list.count * 48 }
    return bytes
  }

  // MARK: sizes

  var isEmpty: Bool { state.withLock { $0.rowCount == 0 } }
  var rowCount: Int { state.withLock { $0.rowCount } }
  var lineByteCount: Int { state.withLock { $0.lineByteCount } }
  /// A close estimate of the memory that the rows take.
  var memoryByteCount: Int { state.withLock { $0.memoryByteCount } }

  func streamCount(_ tenant: TenantID) -> Int {
    state.withLock { $0.streamsOf[tenant] ?? 0 }
  }

  func has(_ key: StreamKey) -> Bool { state.withLock { $0.ordinals[key] != nil } }

  // MARK: reading

  /// The streams that match and may have rows in `range`. Matchers are tried without the lock.
  func streams(
    _ tenants: [TenantID], _ matchers: [CompiledMatcher], _ range: Range<Timestamp>
  ) -> [Stream] {
    let index = state.withLock { state -> LabelIndex? in
      state.newest >= range.lowerBound && state.oldest < range.upperBound ? state.index : nil
    }
    guard let index else { return [] }
    let matching = index.streams(tenants, matchers)
    guard !matching.isEmpty else { return [] }
    return state.withLock { state in
      var found: [Stream] = []
      matching.forEach { found.append(state.streams[$0]) }
      return found
    }
  }

  /// All streams, for the writing of a segment.
  func allStreams() -> [Stream] { state.withLock { $0.streams } }
}
