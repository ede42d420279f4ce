import Storage
import Synchronization
import TelemetryModel

/// Deletes of one or more segments; which of them concern a stream is found out once.
final class StreamDeletes: Sendable {
  static let none = StreamDeletes([])

  /// From so many deletes on, lines are asked by their texts where there are no more than
  /// `textRows` for each of them: what the columns say of a text has to be found out for each text.
  private static let textDeletesMin = 8
  private static let textRows = 64
  /// It pays to make texts ready for finding them all at once for so many lines.
  private static let manyRows = 256

  /// Those that may take rows of one stream.
  private struct Concerning {
    var deletes: [RowDelete]
    /// Made ready for many lines, once that was asked for.
    var forMany: TextDeletes?
  }

  private let all: [RowDelete]
  private let concerning = Mutex<[StreamReference: Concerning]>([:])

  init(_ all: [RowDelete]) { self.all = all }

  var isEmpty: Bool { all.isEmpty }

  /// Those that may take rows of a stream.
  func of(_ stream: StreamReference) -> [RowDelete] {
    if all.isEmpty { return [] }
    if let known = concerning.withLock({ $0[stream]?.deletes }) { return known }
    let found = all.filter { $0.concerns(stream) }
    concerning.withLock { $0[stream] = Concerning(deletes: found) }
    return found
  }

  /// All that decide on texts, made ready for many lines.
  private func forMany(_ stream: StreamReference, _ deletes: [RowDelete]) -> TextDeletes {
    if let known = concerning.withLock({ $0[stream]?.forMany }) { return known }
    let made = TextDeletes(deletes.filter(\.decidesOnText), isForMany: true)
    concerning.withLock { $0[stream]?.forMany = made }
    return made
  }

  /// Of a run's rows those that all of them leave.
  func surviving(_ run: ChosenRun, _ rows: any LoadedRows) throws(LogStoreError) -> ChosenRun {
    var run = run
    let deletes = of(run.stream)
    let rowCount = run.rows.count
    guard deletes.count >= Self.textDeletesMin, rowCount > 0 else {
      for delete in deletes { run = try delete.surviving(run, rows) }
      return run
    }
    // Rows of a run are sorted by time.
    let (times, places) = (try rows.timestamps(), run.rows.rows)
    let (first, last) = (times[Int(places[0])], times[Int(places[rowCount - 1])])
    let asked = deletes.filter { $0.range.lowerBound <= last && first <= $0.range.upperBound }
    guard asked.count >= Self.textDeletesMin, rowCount <= Self.textRows * asked.count else {
      for delete in asked { run = try delete.surviving(run, rows) }
      return run
    }
    let byText =
      rowCount >= Self.manyRows
      ? forMany(run.stream, deletes)
      : TextDeletes(asked.filter(\.decidesOnText), isForMany: false)
    run = try byText.surviving(run, rows)
    for delete in asked where !delete.decidesOnText { run = try delete.surviving(run, rows) }
    return run
  }
}

/// Deletes made ready, each once; segments with the same deletes share them.
///
/// Thousands of requests may wait while thousands of small segments do, so that what is asked for
/// each pair of them must cost next to nothing.
final class CompiledDeletes: Sendable {
  private struct State {
    var known: [UInt64: RowDelete] = [:]
    /// Asked for last, the newest first.
    var recent: [(numbers: [UInt64], deletes: StreamDeletes)] = []
  }

  private static let recentMax = 16
  /// Beyond so many, and twice what is pending, those are forgotten that are not pending any more.
  private static let knownMax = 4096

  private let state = Mutex(State())

  /// Throws what ``RowDelete`` says of a tombstone that is none.
  func deletes(_ tombstones: [Tombstone]) throws(LogStoreError) -> StreamDeletes {
    try made(tombstones, Array(tombstones.indices))
  }

  /// Those at `places` of `pending`, which are all that there are.
  func deletes(_ pending: [Tombstone], _ places: [Int]) throws(LogStoreError) -> StreamDeletes {
    state.withLock { state in
      guard state.known.count > max(Self.knownMax, 2 * pending.count) else { return }
      let numbers = Set(pending.map(\.number))
      state.known = state.known.filter { numbers.contains($0.key) }
    }
    return try made(pending, places)
  }

  private func made(_ tombstones: [Tombstone], _ places: [Int]) throws(LogStoreError)
    -> StreamDeletes
  {
    if places.isEmpty { return .none }
    let numbers = places.map { tombstones[$0].number }
    return try state.withLock { (state) throws(LogStoreError) -> StreamDeletes in
      if let at = state.recent.firstIndex(where: { $0.numbers == numbers }) {
        if at > 0 { state.recent.insert(state.recent.remove(at: at), at: 0) }
        return state.recent[0].deletes
      }
      var all: [RowDelete] = []
      for (place, number) in zip(places, numbers) {
        let delete: RowDelete
        if let known = state.known[number] {
          delete = known
        } else {
          delete = try RowDelete(tombstones[place])
          state.known[number] = delete
        }
        all.append(delete)
      }
      let made = StreamDeletes(all)
      state.recent.insert((numbers, made), at: 0)
      if state.recent.count > Self.recentMax { state.recent.removeLast() }
      return made
    }
  }
}
