import Synchronization
import TelemetryModel

/// One ``StreamReference`` for each tenant and label set, so that head and segments speak of a
/// stream by the same object.
///
/// Held weakly: a stream that neither head nor an open segment index names is forgotten.
final class StreamTable: Sendable {
  private struct Slot {
    weak var reference: StreamReference?
  }

  private struct State {
    var slots: [StreamKey: Slot] = [:]
    var nextID: UInt64 = 1
    /// Forgotten slots are swept when the table has grown to this.
    var sweepAt = 4096
  }

  private let state = Mutex(State())

  func reference(_ key: StreamKey) -> StreamReference {
    state.withLock { state in
      if let known = state.slots[key]?.reference { return known }
      let reference = StreamReference(id: state.nextID, tenant: key.tenant, labels: key.labels)
      state.nextID += 1
      state.slots[key] = Slot(reference: reference)
      if state.slots.count > state.sweepAt {
        state.slots = state.slots.filter { $0.value.reference != nil }
        state.sweepAt = max(4096, state.slots.count * 2)
      }
      return reference
    }
  }
}
