package import TelemetryModel

/// In which order blocks are visited; see ``LogStore``'s `scan`.
package enum ScanOrder: Hashable, Sendable {
  /// Blocks with the newest rows first: `direction=backward`.
  case newestFirst
  /// Blocks with the oldest rows first: `direction=forward`, and metric queries.
  case oldestFirst
}

/// What a scan's visitor wants next.
package enum ScanStep: Hashable, Sendable {
  /// Go on.
  case proceed
  /// Only rows in this range still matter, such as those newer than the oldest of a full limit.
  /// The range can only shrink: what lies outside the scan's present range is ignored.
  case narrow(Range<Timestamp>)
  /// Enough: end the scan.
  case stop
}

/// A question to the store: which rows are wanted, and in which rough order.
package struct LogScan: Sendable {
  /// Rows of these tenants; each row's stream says whose it is.
  package var tenants: [TenantID]
  /// All must hold for a stream; an absent label counts as the empty value, as in Prometheus.
  package var matchers: [LabelMatcher]
  /// Start inclusive, end exclusive.
  package var range: Range<Timestamp>
  package var order: ScanOrder
  /// A row whose line lacks one of these byte strings may be left out by the store, and may not
  /// be: the visitor still has to check. Empty literals are ignored.
  package var requiredLiterals: [[UInt8]]
  /// All must hold: rows for which one does not are never visited. Decided by the store exactly.
  package var conditions: [LineCondition] = []
  /// Fields of rows that the visitor wants as columns, see ``LogRows/column(_:)``.
  package var fields: [FieldRequest] = []
  /// All must hold, for rows that the store has in columns; batches of other rows say with
  /// ``LogRows/isDecided`` that the visitor has to check them.
  package var fieldConditions: [FieldCondition] = []
  /// What the visitor will read of every row; the rest is made ready when it is asked for.
  package var wants: Wants = .all
  /// Whether each page is read as a whole and checked before a row of it is visited, however short
  /// ago that was done. Otherwise a visitor may ask for a line that cannot be read any more, which
  /// ends the scan with ``LogStoreError/Code/corrupt``.
  package var checksPages = false

  /// Parts of rows.
  package struct Wants: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let lines = Wants(rawValue: 1)
    /// Lengths of lines, which come without the lines themselves.
    package static let lineLengths = Wants(rawValue: 2)
    /// Structured metadata; without, ``LogRows/metadata(_:)`` may answer nothing.
    package static let metadata = Wants(rawValue: 4)
    package static let all: Wants = [.lines, .lineLengths, .metadata]
  }

  /// Asked between blocks; when true the scan ends with ``LogStoreError/Code/cancelled``.
  package var isCancelled: @Sendable () -> Bool

  package init(
    tenants: [TenantID], matchers: [LabelMatcher], range: Range<Timestamp>,
    order: ScanOrder = .newestFirst, requiredLiterals: [[UInt8]] = [],
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) {
    self.tenants = tenants
    self.matchers = matchers
    self.range = range
    self.order = order
    self.requiredLiterals = requiredLiterals
    self.isCancelled = isCancelled
  }
}

/// A stream as rows refer to it: one object for each tenant and label set of a store.
///
/// Two rows belong to the same stream exactly when `id` is equal; ids hold for the lifetime of
/// the store's object and are not kept on disk.
package final class StreamReference: Sendable, Hashable {
  package let id: UInt64
  package let tenant: TenantID
  package let labels: Labels

  package init(id: UInt64, tenant: TenantID, labels: Labels) {
    self.id = id
    self.tenant = tenant
    self.labels = labels
  }

  package static func == (a: StreamReference, b: StreamReference) -> Bool { a === b }

  package func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

/// What a scan touched; summed over head and segments.
package struct ScanStatistics: Hashable, Sendable {
  /// Streams that matched, once for the head and once for each segment that holds them.
  package var streamsMatched = 0
  /// Segments that overlap the range and hold a matching stream.
  package var segmentsTouched = 0
  /// Blocks that were read from disk and inflated in part or whole.
  package var blocksRead = 0
  /// Blocks left out by time, stream or what the question asks of lines and fields.
  package var blocksPruned = 0
  /// Of these, blocks left out by what filters, dictionaries and templates say.
  package var blocksPrunedByFilter = 0
  package var blocksPrunedByTime = 0
  package var blocksPrunedByStream = 0
  /// Rows whose line was put together from columns or inflated.
  package var rowsRendered = 0
  /// Bytes read from segment files, compressed.
  package var bytesRead = 0
  /// Bytes that came out of decompression.
  package var bytesInflated = 0
  /// Lines handed to the visitor, and the bytes of these lines.
  package var lines = 0
  package var lineBytes = 0
  /// Of these, lines from the head.
  package var headLines = 0
  /// Exact duplicates that were left out.
  package var duplicates = 0
  /// Pages that could not be read and were set aside, in words for the answer's `warnings`.
  package var warnings: [String] = []

  package init() {}

  /// Adds what another worker touched.
  package mutating func add(_ other: ScanStatistics) {
    streamsMatched += other.streamsMatched
    segmentsTouched += other.segmentsTouched
    blocksRead += other.blocksRead
    blocksPruned += other.blocksPruned
    blocksPrunedByFilter += other.blocksPrunedByFilter
    blocksPrunedByTime += other.blocksPrunedByTime
    blocksPrunedByStream += other.blocksPrunedByStream
    rowsRendered += other.rowsRendered
    bytesRead += other.bytesRead
    bytesInflated += other.bytesInflated
    lines += other.lines
    lineBytes += other.lineBytes
    headLines += other.headLines
    duplicates += other.duplicates
    for warning in other.warnings where !warnings.contains(warning) { warnings.append(warning) }
  }
}
