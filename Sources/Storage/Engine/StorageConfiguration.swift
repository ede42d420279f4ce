package import TelemetryModel

/// How a store is kept.
package struct StorageConfiguration: Hashable, Sendable {
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
