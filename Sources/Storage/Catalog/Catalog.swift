/// A page or a whole segment that cannot be read.
package struct QuarantineRecord: Hashable, Sendable {
  package var segment: UInt64
  /// nil for the whole segment.
  package var page: Int?
  package var reason: String

  package init(segment: UInt64, page: Int?, reason: String) {
    self.segment = segment
    self.page = page
    self.reason = reason
  }
}

/// Everything that a catalog holds.
package struct CatalogContent: Hashable, Sendable {
  /// By id.
  package var segments: [SegmentRecord] = []
  /// WAL records up to here are in segments.
  package var releasedThrough: UInt64 = 0
  /// No segment had this id or a greater one.
  package var nextSegmentID: UInt64 = 1
  package var quarantined: [QuarantineRecord] = []
  /// By number.
  package var tombstones: [Tombstone] = []
  /// No delete had a greater number.
  package var lastDelete: UInt64 = 0
  package var values: [String: String] = [:]

  package init() {}
}

/// What one transaction changes; all of it or nothing.
package struct CatalogChange: Hashable, Sendable {
  package var added: [SegmentRecord] = []
  package var removed: [UInt64] = []
  package var releasedThrough: UInt64?
  package var nextSegmentID: UInt64?
  package var quarantined: [QuarantineRecord] = []
  /// New ones, and changed ones in place of what had their numbers.
  package var tombstones: [Tombstone] = []
  package var removedTombstones: [UInt64] = []
  package var lastDelete: UInt64?
  package var values: [String: String] = [:]

  package init() {}
}

/// What exists in a store: the one place where that is decided.
package protocol Catalog: AnyObject, Sendable {
  func load() throws(StorageError) -> CatalogContent
  /// Durable when it returns. When it throws, the change may have been made or not: callers
  /// ``load()`` before they decide.
  func commit(_ change: CatalogChange) throws(StorageError)
  /// Nothing may be called afterwards.
  func close()
}
