import Bytes
import TelemetryModel

/// Leaves out exact duplicates: same stream, time, line and metadata.
///
/// Sources of a stream (segments, head batches) that overlap in time may hold the same row; only
/// rows in such an overlap are remembered, by 128 bits of hash. Rows of one source are compared
/// with their neighbours of the same time.
struct DuplicateFilter {
  struct Fingerprint: Hashable {
    let stream: UInt64
    let time: Int64
    let low: UInt64
    let high: UInt64

    func hash(into hasher: inout Hasher) { hasher.combine(low) }
  }

  /// Overlaps of each stream, ascending; streams without any are absent.
  private var overlaps: [UInt64: [ClosedRange<Timestamp>]] = [:]
  private var seen: Set<Fingerprint> = []
  private(set) var leftOut = 0

  /// `extents`: from when to when each source of a stream reaches.
  init(extents: [UInt64: [ClosedRange<Timestamp>]], range: Range<Timestamp>) {
    for (stream, extents) in extents where extents.count > 1 {
      let found = Self.overlaps(extents, range)
      if !found.isEmpty { overlaps[stream] = found }
    }
  }

  private static func overlaps(_ extents: [ClosedRange<Timestamp>], _ range: Range<Timestamp>)
    -> [ClosedRange<Timestamp>]
  {
    let sorted = extents.sorted { $0.lowerBound < $1.lowerBound }
    var found: [ClosedRange<Timestamp>] = []
    var reach = sorted[0].upperBound
    for extent in sorted.dropFirst() {
      if extent.lowerBound <= reach {
        let overlap = extent.lowerBound...min(reach, extent.upperBound)
        if overlap.upperBound >= range.lowerBound, overlap.lowerBound < range.upperBound {
          if let last = found.last, overlap.lowerBound <= last.upperBound {
            found[found.count - 1] =
              last.lowerBound...max(last.upperBound, overlap.upperBound)
          } else {
            found.append(overlap)
          }
        }
      }
      reach = max(reach, extent.upperBound)
    }
    return found
  }

  /// Of `rows`, which are rows of one run in order, those that were not seen before.
  mutating func filter(
    _ rows: [Int], _ columns: RowColumns, _ stream: StreamReference
  ) -> [Int] {
    let overlaps = overlaps[stream.id] ?? []
    guard !overlaps.isEmpty || columns.mayRepeat else { return rows }
    var kept: [Int] = []
    kept.reserveCapacity(rows.count)
    var at = 0
    while at < rows.count {
      let time = columns.timestamps[rows[at]]
      var end = at + 1
      while end < rows.count, columns.timestamps[rows[end]] == time { end += 1 }
      let isShared = overlaps.contains { $0.contains(time) }
      if end - at == 1, !isShared {
        kept.append(rows[at])
      } else {
        keep(rows[at..<end], columns, stream, isShared: isShared, into: &kept)
      }
      at = end
    }
    leftOut += rows.count - kept.count
    return kept
  }

  /// Rows of one time. Remembered for longer only when another source may hold them too.
  private mutating func keep(
    _ rows: ArraySlice<Int>, _ columns: RowColumns, _ stream: StreamReference, isShared: Bool,
    into kept: inout [Int]
  ) {
    var ofThisTime: Set<Fingerprint> = []
    for row in rows {
      let fingerprint = Self.fingerprint(row, columns, stream)
      let isNew =
        isShared ? seen.insert(fingerprint).inserted : ofThisTime.insert(fingerprint).inserted
      if isNew { kept.append(row) }
    }
  }

  /// Whether the filter may leave out rows of `stream`, when they come from such columns.
  func applies(to stream: StreamReference, mayRepeat: Bool) -> Bool {
    mayRepeat || overlaps[stream.id] != nil
  }

  static func fingerprint(_ row: Int, _ columns: RowColumns, _ stream: StreamReference)
    -> Fingerprint
  {
    var seed: UInt64 = 0
    for pair in columns.metadata(row) {
      seed = XXH3.hash(pair.value, seed: XXH3.hash(pair.name, seed: seed &+ 1))
    }
    let range = Int(columns.lineStarts[row])..<Int(columns.lineEnds[row])
    return columns.lineBytes.withUnsafeBytes { bytes in
      let line = UnsafeRawBufferPointer(rebasing: bytes[range])
      return Fingerprint(
        stream: stream.id, time: columns.timestamps[row].nanoseconds,
        low: XXH3.hash(line, seed: seed), high: XXH3.hash(line, seed: ~seed))
    }
  }
}
