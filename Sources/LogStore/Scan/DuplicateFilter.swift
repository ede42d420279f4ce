import Bytes
import TelemetryModel

/// Leaves out exact duplicates: same stream, time, line and metadata.
///
/// Sources of a stream (segments, head batches) that overlap in time may hold the same row; only
/// rows in such an overlap are remembered, by 128 bits of hash. Rows of one source are compared
/// with their neighbours of the same time.
struct DuplicateFilter: Sendable {
  struct Fingerprint: Hashable {
    let stream: UInt64
    let time: Int64
    let low: UInt64
    let high: UInt64

    func hash(into hasher: inout Hasher) { hasher.combine(low) }
  }

  /// Overlaps of each stream, ascending; streams without any are absent.
  private var overlaps: [UInt64: [ClosedRange<Timestamp>]] = [:]

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

  /// The rows of a run that have a row of their time beside them, or that another source may
  /// hold too, with their fingerprints.
  struct Candidates {
    fileprivate struct Row {
      var row: UInt32
      var isShared: Bool
      var fingerprint: Fingerprint
    }

    fileprivate var rows: [Row] = []

    /// Reads the lines of those rows alone. `filter` is only asked where sources overlap.
    init(_ run: ChosenRun, _ source: any LoadedRows, _ filter: DuplicateFilter)
      throws(LogStoreError)
    {
      let overlaps = filter.overlaps(of: run.stream)
      var found: [(UInt32, Bool)] = []
      var held: UInt32?
      var previous: Timestamp?
      let times = try source.timestamps()
      times.withUnsafeBufferPointer { times in
        run.rows.forEach { row in
          let time = times[row]
          let isShared = !overlaps.isEmpty && overlaps.contains { $0.contains(time) }
          if isShared {
            found.append((UInt32(row), true))
          } else if previous == time {
            if let first = held { found.append((first, false)) }
            held = nil
            found.append((UInt32(row), false))
            return
          }
          held = isShared ? nil : UInt32(row)
          previous = time
        }
      }
      var line: [UInt8] = []
      for (row, isShared) in found {
        line.removeAll(keepingCapacity: true)
        try source.appendLine(Int(row), to: &line)
        rows.append(
          Row(
            row: row, isShared: isShared,
            fingerprint: fingerprint(
              line, try source.metadata(Int(row)), times[Int(row)], run.stream)))
      }
    }
  }

  private func overlaps(of stream: StreamReference) -> [ClosedRange<Timestamp>] {
    overlaps[stream.id] ?? []
  }

  /// Of `rows`, which are rows of one run in order, those that are not in `seen`. Remembered
  /// there, and added to `remembered`, are only rows that another source may hold too.
  static func filter(
    _ rows: RowChoice, _ candidates: Candidates, _ seen: inout Set<Fingerprint>,
    remembered: inout [Fingerprint]
  ) -> RowChoice {
    guard !candidates.rows.isEmpty else { return rows }
    var ofThisTime: Set<Fingerprint> = []
    var time: Int64?
    var repeated: Set<UInt32> = []
    for candidate in candidates.rows {
      if candidate.fingerprint.time != time {
        ofThisTime.removeAll(keepingCapacity: true)
        time = candidate.fingerprint.time
      }
      let isNew =
        candidate.isShared
        ? seen.insert(candidate.fingerprint).inserted
        : ofThisTime.insert(candidate.fingerprint).inserted
      if !isNew { repeated.insert(candidate.row) }
      if isNew, candidate.isShared { remembered.append(candidate.fingerprint) }
    }
    return repeated.isEmpty ? rows : rows.filtered { !repeated.contains(UInt32($0)) }
  }

  /// Whether the filter may leave out rows of `stream`, when they come from such columns.
  func applies(to stream: StreamReference, mayRepeat: Bool) -> Bool {
    mayRepeat || overlaps[stream.id] != nil
  }

  /// A hash of a row's metadata, which seeds that of its line.
  static func hash(of metadata: [Label], seed: UInt64) -> UInt64 {
    metadata.reduce(seed) { XXH3.hash($1.value, seed: XXH3.hash($1.name, seed: $0 &+ 1)) }
  }

  private static func fingerprint(
    _ line: [UInt8], _ metadata: [Label], _ time: Timestamp, _ stream: StreamReference
  ) -> Fingerprint {
    let seed = hash(of: metadata, seed: 0)
    return Fingerprint(
      stream: stream.id, time: time.nanoseconds, low: XXH3.hash(line, seed: seed),
      high: XXH3.hash(line, seed: ~seed))
  }
}
