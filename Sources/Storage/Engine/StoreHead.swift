/// The newest rows of a store, in memory, until they are written as segments.
///
/// Appends of any number of tasks reach it at once, while others read it: it guards itself.
package protocol StoreHead: AnyObject, Sendable {
  /// About how much memory the rows take: decides when to flush and when appends must wait. It
  /// is asked at each append.
  var memoryByteCount: Int { get }
  var rowCount: Int { get }
  /// Adds the rows of a record that was durable before the start.
  ///
  /// What it throws is counted and named in the log, and the start goes on without the record.
  func replay(_ record: WALRecord) throws(StorageError)
  /// Writes all rows as one or more segments.
  ///
  /// Called on a thread of the engine's own, which may block. No row is added any more, but
  /// others still read the head. Called again when it, or what follows, has failed. Tells
  /// ``SegmentOutput/didWrite(rows:)`` of its progress every few milliseconds.
  func write(to output: SegmentOutput) throws(StorageError)
  /// What a rewrite would take out of a segment, by what indexes tell.
  ///
  /// ``RewriteGain/nothing`` is taken for the proof that no row is left to be taken: where the
  /// indexes cannot be read it throws.
  func gain(of rewrite: SegmentRewrite) throws(StorageError) -> RewriteGain
  /// Bytes of a segment that its blocks share, such as dictionaries: several such segments keep
  /// most of it several times. 0 where a store has nothing of the kind.
  func sharedByteCount(of segment: Segment) -> Int
  /// Writes the rows of several segments, exact duplicates once, as one segment or, when no row is
  /// left, as none.
  ///
  /// Called on a head without rows, on a thread of the engine's own. Takes memory for some blocks
  /// at a time, not for all rows. Throws ``StorageError/Code/corrupt`` for a page that cannot be
  /// read, unless the rewrite leaves such pages out, and passes on what `output` throws.
  func merge(_ rewrites: [SegmentRewrite], to output: SegmentOutput) throws(StorageError)
}

/// Every durable row of a store at one moment, each in exactly one place.
package struct StoreSnapshot<Head: StoreHead>: Sendable {
  /// Oldest first: the one that is being flushed, where there is one, and the present one.
  package let heads: [Head]
  /// By the time of their oldest row, then by id.
  package let segments: [Segment]
  /// Deletes whose rows may still be in segments.
  package let tombstones: [Tombstone]

  /// Where in ``tombstones`` the deletes are that are to be applied to the rows of a segment; to
  /// those of heads none are.
  package func tombstonePlaces(for segment: Segment) -> [Int] {
    let record = segment.record
    return tombstones.indices.filter { tombstones[$0].mayTouch(record) }
  }
}
