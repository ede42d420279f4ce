import LinuxIO
import Synchronization

/// Opens segments of one store and gives ids to new ones.
final class SegmentShelf: Sendable {
  let layout: StoreLayout
  let fileSystem: any FileSystem
  let kind: StoreKind
  let damage: DamageReporter
  private let nextID: Mutex<UInt64>
  /// The last delete that was made: rows of segments to come are none of its.
  let lastDelete: Mutex<UInt64>
  /// Records of the log up to here are in segments that the catalog has.
  let releasedThrough: Mutex<UInt64>

  init(
    layout: StoreLayout, fileSystem: any FileSystem, kind: StoreKind, damage: DamageReporter,
    content: CatalogContent
  ) {
    lastDelete = Mutex(content.lastDelete)
    releasedThrough = Mutex(content.releasedThrough)
    self.layout = layout
    self.fileSystem = fileSystem
    self.kind = kind
    self.damage = damage
    nextID = Mutex(content.nextSegmentID)
  }

  /// Opens a segment; `known` are its pages that are known to be damaged.
  func open(_ record: SegmentRecord, known: [Int: StorageError] = [:]) throws(StorageError)
    -> (segment: Segment, findings: [StorageFinding])
  {
    let reader = try SegmentReader(
      path: layout.segment(record.id), fileSystem: fileSystem, record: record)
    let segment = Segment(record, reader, badPages: known) { [damage] segment, page, error in
      damage.pageIsDamaged(page, of: segment, error)
    }
    return (segment, reader.findings)
  }

  /// The id that the next segment would get.
  var upcomingID: UInt64 { nextID.withLock { $0 } }

  /// Writes a head as segments that have their names, but are in no catalog yet.
  ///
  /// `progress` is told again and again how many of the rows are written.
  func write(
    _ head: some StoreHead, releasesThrough sequence: UInt64, progress: ((Int) -> Void)? = nil
  ) throws(StorageError) -> [SegmentRecord] {
    guard head.rowCount > 0 else { return [] }
    let output = output(
      SegmentLineage(deletesThrough: lastDelete.withLock { $0 }), progress: progress)
    do throws(StorageError) {
      try head.write(to: output)
      return try output.seal(releasesThrough: sequence)
    } catch {
      output.abandon()
      throw error
    }
  }

  /// Where segments of one flush or merge are written to.
  func output(
    _ lineage: SegmentLineage, level: Int = 0, pace: (() throws(StorageError) -> Void)? = nil,
    progress: ((Int) -> Void)? = nil
  ) -> SegmentOutput {
    SegmentOutput(
      layout: layout, fileSystem: fileSystem, kind: kind, lineage: lineage, level: level,
      pace: pace, progress: progress
    ) { [self] in
      nextID.withLock { id in
        defer { id += 1 }
        return id
      }
    }
  }

  /// The change that makes written segments part of the store.
  func change(adding records: [SegmentRecord], releasedThrough sequence: UInt64) -> CatalogChange {
    var change = CatalogChange()
    change.added = records
    change.releasedThrough = sequence
    change.nextSegmentID = upcomingID
    return change
  }
}
