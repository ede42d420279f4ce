import LinuxIO

/// Makes the segments of one flush. Nothing of it is seen by anybody until the catalog has it.
package final class SegmentOutput {
  private let layout: StoreLayout
  private let fileSystem: any FileSystem
  private let kind: StoreKind
  private let takeID: () -> UInt64
  private let lineage: SegmentLineage
  private let level: Int
  private let pace: (() throws(StorageError) -> Void)?
  private let progress: ((Int) -> Void)?
  private var writtenRowCount = 0
  private var writers: [SegmentWriter] = []

  init(
    layout: StoreLayout, fileSystem: any FileSystem, kind: StoreKind, lineage: SegmentLineage,
    level: Int = 0, pace: (() throws(StorageError) -> Void)? = nil,
    progress: ((Int) -> Void)? = nil, takeID: @escaping () -> UInt64
  ) {
    self.lineage = lineage
    self.level = level
    self.pace = pace
    self.progress = progress
    self.layout = layout
    self.fileSystem = fileSystem
    self.kind = kind
    self.takeID = takeID
  }

  /// Begins a segment. Several can be written side by side.
  package func begin() throws(StorageError) -> SegmentWriter {
    let id = takeID()
    let path = layout.unfinishedSegment(id)
    let file = try storing("making a segment") { () throws(SystemError) in
      try fileSystem.open(path, .create)
    }
    let writer = SegmentWriter(file, path: path, kind: kind, id: id, pace: pace)
    writers.append(writer)
    return writer
  }

  /// Says that so many more rows are in pages: appends that wait for the flush go on as it does.
  package func didWrite(rows: Int) {
    writtenRowCount += rows
    progress?(writtenRowCount)
  }

  /// Gives the finished segments their names, durably. The last one alone carries the release
  /// point: where it is, the others are.
  func seal(releasesThrough: UInt64) throws(StorageError) -> [SegmentRecord] {
    let finished = writers.filter { $0.summary != nil }
    for writer in writers where writer.summary == nil { try? fileSystem.remove(writer.path) }
    writers = finished
    var records: [SegmentRecord] = []
    for (index, writer) in finished.enumerated() {
      let isLast = index == finished.count - 1
      writer.setLevel(level)
      // The last one alone speaks for all: where it is, the others are.
      var lineage = lineage
      if !isLast { lineage.replaces = [] }
      let directory = try writer.seal(
        releasesThrough: isLast ? releasesThrough : 0, lineage: lineage)
      records.append(
        SegmentRecord(
          id: writer.id, kind: kind, summary: directory.summary, byteCount: writer.byteCount,
          deletesThrough: lineage.deletesThrough))
    }
    for (index, writer) in finished.enumerated() {
      let isLast = index == finished.count - 1
      if isLast, index > 0 { try syncNames() }
      try storing("naming a segment") { () throws(SystemError) in
        try fileSystem.rename(writer.path, to: layout.segment(writer.id))
      }
    }
    if !finished.isEmpty { try syncNames() }
    return records
  }

  private func syncNames() throws(StorageError) {
    try storing("making a segment durable") { () throws(SystemError) in
      try fileSystem.syncFolder(layout.segments)
    }
  }

  /// Removes all that was written, as well as it can.
  func abandon() {
    for writer in writers {
      try? fileSystem.remove(writer.path)
      try? fileSystem.remove(layout.segment(writer.id))
    }
  }
}
