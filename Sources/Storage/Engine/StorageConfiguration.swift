package import TelemetryModel

/// How a store is kept.
package struct StorageConfiguration: Sendable {
  /// In metrics and log lines.
  package var name: String
  package var folder: String
  package var kind: StoreKind
  package var wal = WriteAheadLog.Configuration()
  /// Memory of the head that starts a flush. Appends wait at twice that while one is under way.
  package var headBytesFlush = 64 << 20
  /// A head is flushed when its first row has been there for so long.
  package var headAgeFlush = TimeSpan.minutes(10)
  /// Segments whose newest row is older are dropped; zero keeps them for ever.
  package var retention = TimeSpan.zero
  /// Appends are refused while less room is left on the disk; nil for 5 % of it, 1 GiB at most.
  package var freeBytesMin: Int64?
  /// All stores that share it take no more on disk: the oldest segments go first.
  package var budget: DiskBudget?
  /// Heads are flushed while less of the memory is available than this share of it.
  package var memoryReserveShare = 0.05
  /// What compaction may take of one processor's and the disk's time; zero switches it off.
  package var compactionShare = 0.25
  /// How often compaction looks for work.
  package var compactionInterval = TimeSpan.seconds(15)
  /// Rows of a merged segment, in bytes as they came in.
  package var compactedBytesMax = 256 << 20
  /// For how long a delete hides rows before it takes them away, and can be cancelled.
  package var deleteCancelPeriod = TimeSpan.seconds(86_400)
  /// For how long a delete is told of that is carried out, counted from its making, and how many of
  /// these at most: then it is forgotten.
  package var processedDeletesAge = TimeSpan.hours(30 * 24)
  package var processedDeletesMax = 1000
  /// How often retention looks for segments to drop.
  package var retentionInterval = TimeSpan.minutes(1)
  /// How often the disk's room is looked at and failed flushes are tried again.
  package var checkInterval = TimeSpan.seconds(1)

  package init(name: String, folder: String, kind: StoreKind) {
    self.name = name
    self.folder = folder
    self.kind = kind
  }
}

/// What a store holds and has gone through, for operators.
package struct StorageStatistics: Hashable, Sendable {
  package var headRowCount = 0
  package var headMemoryByteCount = 0
  package var segmentCount = 0
  package var segmentRowCount = 0
  package var segmentByteCount = 0
  package var rawByteCount = 0
  /// Times of the oldest and the newest row in segments.
  package var oldest: Timestamp?
  package var newest: Timestamp?
  package var walByteCount = 0
  package var pendingDeleteCount = 0
  package var quarantinedPageCount = 0
  package var quarantinedSegmentCount = 0
  /// Why appends are refused at present, or nil.
  package var refusal: String?
  /// What went wrong with the last flush, or nil when it went well.
  package var flushFailure: String?
  /// Damage that was found at the start and worked around.
  package var findings: [StorageFinding] = []

  package init() {}
}
