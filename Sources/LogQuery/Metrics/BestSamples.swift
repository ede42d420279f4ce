/// The k largest or least samples of a vector.
///
/// A binary heap with the sample to go first on top, moved as Go's container/heap moves it, so
/// that of equal samples the same ones stay as in Loki.
struct BestSamples {
  private struct Sample {
    let value: Double
    let series: Int
  }

  private var heap: [Sample] = []
  private let count: Int
  private let isTop: Bool

  init(count: Int, isTop: Bool) {
    self.count = count
    self.isTop = isTop
  }

  /// Takes a sample in, and answers the series whose sample had to go: maybe this one.
  mutating func offer(_ value: Double, of series: Int) -> Int? {
    guard heap.count >= count else {
      push(Sample(value: value, series: series))
      return nil
    }
    guard let worst = heap.first else { return series }
    let isBetter = isTop ? worst.value < value : worst.value > value
    guard isBetter || worst.value.isNaN else { return series }
    pop()
    push(Sample(value: value, series: series))
    return worst.series
  }

  private func goesFirst(_ a: Int, _ b: Int) -> Bool {
    if heap[a].value.isNaN { return true }
    return isTop ? heap[a].value < heap[b].value : heap[a].value > heap[b].value
  }

  private mutating func push(_ sample: Sample) {
    heap.append(sample)
    var at = heap.count - 1
    while at > 0 {
      let parent = (at - 1) / 2
      guard goesFirst(at, parent) else { return }
      heap.swapAt(at, parent)
      at = parent
    }
  }

  private mutating func pop() {
    let last = heap.count - 1
    heap.swapAt(0, last)
    var at = 0
    while true {
      var child = 2 * at + 1
      guard child < last else { break }
      if child + 1 < last, goesFirst(child + 1, child) { child += 1 }
      guard goesFirst(child, at) else { break }
      heap.swapAt(at, child)
      at = child
    }
    heap.removeLast()
  }
}
