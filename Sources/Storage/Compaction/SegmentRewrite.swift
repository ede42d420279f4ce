package import TelemetryModel

/// What a rewrite of a segment would take out of it.
package enum RewriteGain: Hashable, Sendable {
  /// No row.
  case nothing
  /// A part of the rows; between 0 and 1, as far as indexes tell.
  case part(Double)
  /// Every row.
  case all
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

  /// What goes in a store without rules of its own, which cannot tell which rows a tombstone
  /// concerns: all of a segment that is past retention, and else perhaps any row.
  package var gainByAge: RewriteGain {
    if retention > .zero, segment.summary.newest < now - retention { return .all }
    return tombstones.isEmpty ? .nothing : .part(1)
  }
}

extension StoreHead {
  package func sharedByteCount(of segment: Segment) -> Int { 0 }

  package func gain(of rewrite: SegmentRewrite) -> RewriteGain { rewrite.gainByAge }
}
