import TelemetryModel

/// The requests to delete of a store: those that hide rows, and those of which nothing is left.
struct DeleteRequests {
  /// Not carried out yet, by number. Kept apart, since every question asks for these alone.
  private(set) var pending: [Tombstone]
  /// Known for the sake of those who ask for them, by number.
  private(set) var processed: [Tombstone]

  init(_ tombstones: [Tombstone]) {
    pending = tombstones.filter { !$0.isProcessed }
    processed = tombstones.filter(\.isProcessed)
  }

  /// By number.
  var all: [Tombstone] { (processed + pending).sorted { $0.number < $1.number } }

  /// Adds a request, whose number is the greatest.
  mutating func add(_ tombstone: Tombstone) { pending.append(tombstone) }

  mutating func remove(_ numbers: Set<UInt64>) {
    pending.removeAll { numbers.contains($0.number) }
    processed.removeAll { numbers.contains($0.number) }
  }

  /// Takes note that no file in use holds rows of these requests.
  mutating func markProcessed(_ numbers: Set<UInt64>) {
    for var tombstone in pending where numbers.contains(tombstone.number) {
      tombstone.isProcessed = true
      processed.append(tombstone)
    }
    processed.sort { $0.number < $1.number }
    pending.removeAll { numbers.contains($0.number) }
  }

  /// Processed requests that nobody needs to know of any more: made before `limit`, and those
  /// beyond the newest `countMax`.
  func outdated(before limit: Timestamp, countMax: Int) -> Set<UInt64> {
    let old = processed.lazy.filter { $0.created < limit }.map(\.number)
    return Set(old).union(processed.dropLast(countMax).map(\.number))
  }
}
