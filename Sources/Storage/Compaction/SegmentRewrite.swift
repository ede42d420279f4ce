package import TelemetryModel

/// What a rewrite of a segment would take out of it.
package enum RewriteGain: Hashable, Sendable {
  /// Nothing.
  case none
  /// A part of the rows; between 0 and 1, as far as indexes tell.
  case some(Double)
  /// Every row.
  case all
  /// The indexes cannot be read at present: not even that it is nothing is known.
  case unknown
}

/// A segment that is to be written anew, and what is to be left out of it.
package struct SegmentRewrite: Sendable {
  package let segment: Segment
  package let tombstones: [Tombstone]
  /// Rows that are past retention at this time go, too.
  package let now: Timestamp
  /// How long rows are kept for which the store has no rule of its own; zero is for ever.
  package let retention: TimeSpan
  /// Pages that cannot be read are left out; else they end the rewrite.
  package let skipsDamage: Bool

  package init(
    _ segment: Segment, tombstones: [Tombstone] = [], now: Timestamp = .distantPast,
    retention: TimeSpan = .zero, skipsDamage: Bool = false
  ) {
    self.segment = segment
    self.tombstones = tombstones
    self.now = now
    self.retention = retention
    self.skipsDamage = skipsDamage
  }
}

extension StoreHead {
  package func sharedByteCount(of segment: Segment) -> Int { 0 }

  /// Without rules of the store's own: by age alone, and a tombstone may concern any row.
  package func gain(of rewrite: SegmentRewrite) -> RewriteGain {
    if rewrite.retention > .zero,
      rewrite.segment.summary.newest < rewrite.now - rewrite.retention
    {
      return .all
    }
    return rewrite.tombstones.isEmpty ? .none : .some(1)
  }
}
