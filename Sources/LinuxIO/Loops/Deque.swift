/// A first-in, first-out queue on a ring; it grows by doubling and never shrinks.
package struct Deque<Element> {
  private var slots: [Element?] = []
  private var head = 0
  package private(set) var count = 0

  package init() {}

  package var isEmpty: Bool { count == 0 }

  package var first: Element? { count == 0 ? nil : slots[head] }

  package mutating func append(_ element: Element) {
    if count == slots.count { grow() }
    var index = head + count
    if index >= slots.count { index -= slots.count }
    slots[index] = element
    count += 1
  }

  package mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = slots[head]
    slots[head] = nil
    head += 1
    if head == slots.count { head = 0 }
    count -= 1
    return element
  }

  /// Visits all elements, first to last.
  package func forEach(_ visit: (Element) -> Void) {
    for offset in 0..<count {
      let index = head + offset
      if let element = slots[index >= slots.count ? index - slots.count : index] { visit(element) }
    }
  }

  /// Changes all elements in place, first to last.
  package mutating func changeEach(_ change: (inout Element) -> Void) {
    for offset in 0..<count {
      var index = head + offset
      if index >= slots.count { index -= slots.count }
      guard var element = slots[index] else { continue }
      // Out of its place meanwhile, so that it has one owner.
      slots[index] = nil
      change(&element)
      slots[index] = element
    }
  }

  /// Replaces the first element, which must exist.
  package mutating func replaceFirst(with element: Element) {
    precondition(count > 0, "the queue has a first element")
    slots[head] = element
  }

  private mutating func grow() {
    var larger: [Element?] = []
    larger.reserveCapacity(max(8, slots.count * 2))
    for offset in 0..<count {
      let index = head + offset
      larger.append(slots[index >= slots.count ? index - slots.count : index])
    }
    larger.append(contentsOf: repeatElement(nil, count: max(8, slots.count * 2) - larger.count))
    slots = larger
    head = 0
  }
}
