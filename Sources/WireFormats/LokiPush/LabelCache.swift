import Bytes
import Synchronization
import TelemetryModel

/// Remembers what label texts parse to: pushes name the same streams again and again.
///
/// Safe to share between threads. Holds `capacity` texts and starts anew when it is full, so
/// that a flood of streams costs time and not memory.
package final class LabelCache: Sendable {
  private struct Entry {
    let text: [UInt8]
    let value: LabelText
  }

  private let capacity: Int
  private let entries = Mutex<[UInt64: Entry]>([:])

  package init(capacity: Int = 16_384) { self.capacity = capacity }

  /// The labels of `text`, parsed or remembered. Throws in Prometheus's words.
  package func labels(_ text: UnsafeRawBufferPointer) throws(LokiPushError) -> LabelText {
    let hash = XXH3.hash(text)
    let known = entries.withLock { entries -> LabelText? in
      guard let entry = entries[hash], entry.text.elementsEqual(text) else { return nil }
      return entry.value
    }
    if let known { return known }
    let value = try LabelText.parse(text)
    entries.withLock { entries in
      if entries.count >= capacity { entries.removeAll(keepingCapacity: true) }
      entries[hash] = Entry(text: Array(text), value: value)
    }
    return value
  }
}
