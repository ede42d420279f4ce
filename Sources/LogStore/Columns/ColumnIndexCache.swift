import Synchronization

/// Keeps column indexes of open segments in memory, up to a number of bytes; those that were not
/// asked for the longest go first, and are read again when they are wanted.
///
/// Safe to share between threads. An index that a question holds stays as long as it does.
final class ColumnIndexCache: Sendable {
  /// What all stores of the process share.
  static let shared = ColumnIndexCache(byteCountMax: 64 << 20)

  /// One segment's place in the cache: the index while it is kept, and when it was last wanted.
  /// One that the cache has given up is found all the same while somebody holds it.
  final class Slot: Sendable {
    fileprivate struct Index {
      var kept: SegmentColumns?
      weak var held: SegmentColumns?
    }

    fileprivate let columns = Mutex(Index())
    fileprivate let lastUse = Atomic<UInt64>(0)
  }

  fileprivate struct Entry {
    weak var slot: Slot?
    var byteCount: Int
  }

  private struct State {
    var entries: [Entry] = []
    var byteCount = 0
  }

  let byteCountMax: Int
  private let state = Mutex(State())
  private let uses = Atomic<UInt64>(0)

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// Bytes of the indexes that are kept.
  var byteCount: Int { state.withLock { $0.byteCount } }

  /// What `slot` holds, or else what `read` makes. Two threads may both read, none waits.
  func columns(
    _ slot: Slot, _ read: () throws(LogStoreError) -> SegmentColumns
  ) throws(LogStoreError) -> SegmentColumns {
    slot.lastUse.store(uses.wrappingAdd(1, ordering: .relaxed).newValue, ordering: .relaxed)
    if let known = slot.columns.withLock({ $0.kept }) { return known }
    if let held = slot.columns.withLock({ $0.held }) {
      keep(held, in: slot)
      return held
    }
    let made = try read()
    keep(made, in: slot)
    return made
  }

  private func keep(_ made: SegmentColumns, in slot: Slot) {
    let bytes = made.memoryByteCount
    guard bytes <= byteCountMax else {
      slot.columns.withLock { $0.held = made }
      return
    }
    state.withLock { state in
      let isFirst = slot.columns.withLock { columns in
        defer { columns = Slot.Index(kept: made, held: made) }
        return columns.kept == nil
      }
      guard isFirst else { return }
      // Segments that are gone have taken their indexes with them.
      state.entries.removeAll { $0.slot == nil }
      state.entries.append(Entry(slot: slot, byteCount: bytes))
      state.byteCount = state.entries.reduce(0) { $0 + $1.byteCount }
      guard state.byteCount > byteCountMax else { return }
      state.entries.sort { $0.lastUse > $1.lastUse }
      while state.byteCount > byteCountMax, state.entries.count > 1 {
        let gone = state.entries.removeLast()
        gone.slot?.columns.withLock { $0.kept = nil }
        state.byteCount -= gone.byteCount
      }
    }
  }
}

extension ColumnIndexCache.Entry {
  /// Greater for what was wanted later.
  fileprivate var lastUse: UInt64 { slot?.lastUse.load(ordering: .relaxed) ?? 0 }
}
