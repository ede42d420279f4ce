import TelemetryModel

/// How a block keeps its rows: the first byte of its page.
enum LogBlockKind: UInt8 {
  /// Lines as they are, one zstd frame; see ``PlainBlock``.
  case plain = 1
  /// Shapes and typed columns, as earlier versions wrote them: times go on from stream to stream.
  case columns = 2
  /// Shapes and typed columns, times anew for each stream; see ``ColumnBlock`` and ``BlockTimes``.
  case columnsByRun = 3
}

/// Rows whose lines stand one after another.
protocol JoinedRows {
  /// Where each line ends.
  var lineEnds: [UInt32] { get }
  /// One list for each row, or empty when no row has any.
  var structuredMetadata: [[Label]] { get }
}

extension JoinedRows {
  /// Where row `row`'s line lies among the bytes of all lines.
  func lineRange(_ row: Int) -> Range<Int> {
    (row == 0 ? 0 : Int(lineEnds[row - 1]))..<Int(lineEnds[row])
  }

  func metadata(_ row: Int) -> [Label] {
    structuredMetadata.isEmpty ? [] : structuredMetadata[row]
  }
}

/// Rows on their way into a block: sorted by (stream, time), exact duplicates gone.
struct BlockRows: JoinedRows {
  struct Run {
    /// The stream's ordinal in its segment.
    var stream: UInt32
    var count: Int
  }

  var runs: [Run] = []
  var timestamps: [Timestamp] = []
  var lineBytes: [UInt8] = []
  /// Where each line ends in `lineBytes`.
  var lineEnds: [UInt32] = []
  /// One list for each row, or empty when no row has any.
  var structuredMetadata: [[Label]] = []

  var count: Int { timestamps.count }
}

/// A block as a scan reads it. Each part is decoded when it is asked for, so that a question
/// that needs no lines inflates none.
protocol LogBlock: Sendable {
  /// Streams of the block in order, by their ordinals in the segment.
  var runs: [BlockRows.Run] { get }
  var rowCount: Int { get }
  /// The rows for a scan, their times decoded.
  func load() throws(LogStoreError) -> any LoadedRows
}

/// Lines one after another.
struct LineColumn {
  var bytes: [UInt8]
  /// Where each line ends; it begins where the one before ends.
  var ends: [UInt32]
}

enum LogBlocks {
  /// More is never in a block: what a page says is checked against these before memory is taken.
  static let rowCountMax = 1 << 20
  static let lineByteCountMax = 1 << 31

  /// Opens a page of any kind; `columns` is what the column blocks of its segment share.
  static func open(
    _ page: PageBytes, _ columns: () throws(LogStoreError) -> SegmentColumns?
  ) throws(LogStoreError) -> any LogBlock {
    guard let first = page.beginning.first else { throw BlockReader.malformed("it is empty") }
    switch LogBlockKind(rawValue: first) {
    case .plain:
      guard page.beginning.count == page.count else {
        throw BlockReader.malformed("it is not whole")
      }
      return try PlainBlock(page.beginning)
    case .columns, .columnsByRun:
      guard let columns = try columns() else {
        throw BlockReader.malformed("its segment has no column index")
      }
      return try ColumnBlock(page, columns)
    case nil:
      throw BlockReader.malformed("the kind \(first) is not known to this version")
    }
  }
}
