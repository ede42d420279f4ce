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
  private static let manyRows = 128

  private let all: [RowDelete]
  private let concerning = Mutex<[StreamReference: [RowDelete]]>([:])

  init(_ all: [RowDelete]) { self.all = all }

  var isEmpty: Bool { all.isEmpty }

  /// Those that may take rows of a stream.
  func of(_ stream: StreamReference) -> [RowDelete] {
    if all.isEmpty { return [] }
    if let known = concerning.withLock({ $0[stream] }) { return known }
    let found = all.filter { $0.concerns(stream) }
    concerning.withLock { $0[stream] = found }
    return found
  }

  /// Of a run's rows those that all of them leave.
  func surviving(_ run: ChosenRun, _ rows: any LoadedRows) throws(LogStoreError) -> ChosenRun {
    var run = run
    let deletes = of(run.stream)
    let count = run.rows.count
    guard deletes.count >= Self.textDeletesMin, count <= Self.textRows * deletes.count else {
      for delete in deletes { run = try delete.surviving(run, rows) }
      return run
    }
    let asked = TextDeletes(
      deletes.filter(\.decidesOnText), isForMany: count >= Self.manyRows)
    run = try asked.surviving(run, rows)
    for delete in deletes where !delete.decidesOnText { run = try delete.surviving(run, rows) }
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
    /// The most that there were to choose from at a time, since some were forgotten.
    var pendingMax = 0
    /// Asked for last, the newest first.
    var recent: [(numbers: [UInt64], deletes: StreamDeletes)] = []
  }

  private static let recentMax = 16
  /// Beyond so many, and twice what is pending, deletes are forgotten: most are gone by then.
  private static let knownMax = 4096

  private let state = Mutex(State())

  /// Throws what ``RowDelete`` says of a tombstone that is none.
  func deletes(_ tombstones: [Tombstone]) throws(LogStoreError) -> StreamDeletes {
    try deletes(tombstones, Array(tombstones.indices))
  }

  /// Those at `places` of `tombstones`.
  func deletes(_ tombstones: [Tombstone], _ places: [Int]) throws(LogStoreError) -> StreamDeletes {
    if places.isEmpty { return .none }
    let numbers = places.map { tombstones[$0].number }
    return try state.withLock { (state) throws(LogStoreError) -> StreamDeletes in
      if let at = state.recent.firstIndex(where: { $0.numbers == numbers }) {
        if at > 0 { state.recent.insert(state.recent.remove(at: at), at: 0) }
        return state.recent[0].deletes
      }
      state.pendingMax = max(state.pendingMax, tombstones.count)
      if state.known.count > max(Self.knownMax, 2 * state.pendingMax) {
        state.known = [:]
        state.pendingMax = tombstones.count
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
