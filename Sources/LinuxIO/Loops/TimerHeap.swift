/// Deadlines in order: a binary heap with lazy cancellation.
struct TimerHeap {
  private struct Entry {
    var deadline: MonotonicTime
    var id: UInt64
  }

  private var entries: [Entry] = []
  private var bodies: [UInt64: @Sendable () -> Void] = [:]
  private var lastID: UInt64 = 0

  var count: Int { bodies.count }

  /// The earliest deadline; entries whose timer was cancelled are dropped on the way.
  mutating func nextDeadline() -> MonotonicTime? {
    while let first = entries.first, bodies[first.id] == nil { removeFirst() }
    return entries.first?.deadline
  }

  mutating func insert(_ deadline: MonotonicTime, _ body: @escaping @Sendable () -> Void) -> UInt64
  {
    lastID += 1
    bodies[lastID] = body
    entries.append(Entry(deadline: deadline, id: lastID))
    siftUp(entries.count - 1)
    return lastID
  }

  mutating func cancel(_ id: UInt64) {
    guard bodies.removeValue(forKey: id) != nil else { return }
    // Cancelled entries may outnumber the living by no more than this.
    guard entries.count > 2 * bodies.count + 64 else { return }
    entries = entries.filter { bodies[$0.id] != nil }
    entries.sort { $0.deadline < $1.deadline }
  }

  /// Takes the body of one timer that is due at `now`, or `nil`.
  mutating func popDue(_ now: MonotonicTime) -> (@Sendable () -> Void)? {
    while let first = entries.first {
      guard let body = bodies[first.id] else {
        removeFirst()
        continue
      }
      guard first.deadline <= now else { return nil }
      bodies[first.id] = nil
      removeFirst()
      return body
    }
    return nil
  }

  private mutating func removeFirst() {
    entries.swapAt(0, entries.count - 1)
    entries.removeLast()
    siftDown(0)
  }

  private mutating func siftUp(_ start: Int) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      guard entries[child].deadline < entries[parent].deadline else { return }
      entries.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var parent = start
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
        if entries[child].deadline < entries[least].deadline { least = child }
      }
      guard least != parent else { return }
      entries.swapAt(parent, least)
      parent = least
    }
  }
}
