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
  /// Whether the visitor reads lines. Without, batches may come with lengths of lines alone,
  /// see ``LogRows/hasLines``, and blocks need not be inflated for them.
  package var needsLines = true
  /// Whether the visitor reads structured metadata; without, rows may come without it.
  package var needsMetadata = true
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
  /// Blocks left out by time, stream or a missing literal.
  package var blocksPruned = 0
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
}
