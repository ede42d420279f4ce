/// A window that slides over a list of numbers and knows the number at each rank: a Fenwick tree
/// over the ranks of all of them, so that a step costs the logarithm for each number that comes
/// or goes, however long the window is.
struct RankedWindow {
  /// All numbers, sorted; equal ones once for each.
  private let sorted: [UInt64]
  /// The place in `sorted` of each number of the list.
  private let places: [UInt32]
  /// Counts, from 1.
  private var tree: [UInt32]
  private let top: Int

  init(_ numbers: [UInt64]) {
    precondition(numbers.count < UInt32.max)
    let order = numbers.indices.sorted { numbers[$0] < numbers[$1] }
    sorted = order.map { numbers[$0] }
    var places = [UInt32](repeating: 0, count: numbers.count)
    for (place, index) in order.enumerated() { places[index] = UInt32(place) }
    self.places = places
    tree = [UInt32](repeating: 0, count: numbers.count + 1)
    var top = 1
    while top * 2 <= numbers.count { top *= 2 }
    self.top = top
  }

  /// The numbers of these indexes come into the window.
  mutating func add(_ indexes: Range<Int>) {
    for index in indexes {
      var at = Int(places[index]) + 1
      while at < tree.count {
        tree[at] &+= 1
        at += at & -at
      }
    }
  }

  /// The numbers of these indexes leave it.
  mutating func remove(_ indexes: Range<Int>) {
    for index in indexes {
      var at = Int(places[index]) + 1
      while at < tree.count {
        tree[at] &-= 1
        at += at & -at
      }
    }
  }

  /// The number at `rank`, from 0, of those in the window.
  func number(at rank: Int) -> UInt64 {
    var left = UInt32(rank)
    var at = 0
    var width = top
    while width > 0 {
      let next = at + width
      if next < tree.count, tree[next] <= left {
        left -= tree[next]
        at = next
      }
      width /= 2
    }
    return sorted[at]
  }
}

/// The number at a rank of a part of a list, without sorting it all.
enum Selection {
  /// Moves the numbers of `range` about, smaller ones before the rank, larger ones behind.
  static func number(at rank: Int, of numbers: inout [UInt64], in range: Range<Int>) -> UInt64 {
    numbers.withUnsafeMutableBufferPointer { numbers in
      // `low` to `high` holds the rank, and both stay within `range`.
      var low = range.lowerBound
      var high = range.upperBound - 1
      let wanted = range.lowerBound + rank
      while low < high {
        let pivot = median(numbers[low], numbers[(low + high) / 2], numbers[high])
        var left = low
        var right = high
        while left <= right {
          while numbers[left] < pivot { left += 1 }
          while numbers[right] > pivot { right -= 1 }
          if left <= right {
            numbers.swapAt(left, right)
            left += 1
            right -= 1
          }
        }
        if wanted <= right {
          high = right
        } else if wanted >= left {
          low = left
        } else {
          break
        }
      }
      return numbers[wanted]
    }
  }

  private static func median(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
    max(min(a, b), min(max(a, b), c))
  }
}
