import Bytes
import TelemetryModel

/// The last rows of a block that are of one stream and time: a row that comes again is looked for
/// among them.
///
/// A few are compared one by one. Of more the hashes are kept, so that a stream whose rows all have
/// one time costs no more a row than any other.
struct RowsOfTime {
  private static let comparedMax = 16

  /// The first of the rows in the block.
  private var start = 0
  /// The last row of each hash, of the rows before `hashedEnd`.
  private var rows: [UInt64: Int] = [:]
  private var hashedEnd = 0
  /// Nobody outside can bring lines of one hash.
  private let seed = UInt64.random(in: .min ... .max)

  /// Begins with the row that comes next into the block, at `row`.
  mutating func begin(at row: Int) {
    start = row
    hashedEnd = row
    if !rows.isEmpty { rows.removeAll(keepingCapacity: true) }
  }

  /// Whether the rows up to the end of `block` hold one with this line and metadata.
  mutating func holds(
    _ line: UnsafeRawBufferPointer, _ metadata: [Label], in block: BlockRows
  ) -> Bool {
    block.lineBytes.withUnsafeBytes { bytes in
      guard block.count - start > Self.comparedMax else {
        return (start..<block.count).contains { block.isRow($0, line, metadata, bytes) }
      }
      while hashedEnd < block.count {
        let known = UnsafeRawBufferPointer(rebasing: bytes[block.lineRange(hashedEnd)])
        rows[hash(known, block.metadata(hashedEnd))] = hashedEnd
        hashedEnd += 1
      }
      guard let row = rows[hash(line, metadata)] else { return false }
      return block.isRow(row, line, metadata, bytes)
        || (start..<row).contains { block.isRow($0, line, metadata, bytes) }
    }
  }

  private func hash(_ line: UnsafeRawBufferPointer, _ metadata: [Label]) -> UInt64 {
    XXH3.hash(line, seed: DuplicateFilter.hash(of: metadata, seed: seed))
  }
}

extension BlockRows {
  /// Whether row `row` has this line and metadata; `bytes` are the block's lines.
  fileprivate func isRow(
    _ row: Int, _ line: UnsafeRawBufferPointer, _ metadata: [Label],
    _ bytes: UnsafeRawBufferPointer
  ) -> Bool {
    let range = lineRange(row)
    return range.count == line.count
      && UnsafeRawBufferPointer(rebasing: bytes[range]).elementsEqual(line)
      && self.metadata(row) == metadata
  }
}
