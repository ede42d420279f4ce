/// The numbers of one series, by the pane that they lie in.
struct PaneSamples: Sendable {
  /// Values that came one after another and lie in one pane.
  private struct Piece {
    let pane: Int
    let start: Int
  }

  private var pieces: [Piece] = []
  /// As ``OrderedNumber``s.
  private var numbers: [UInt64] = []

  @inline(__always)
  mutating func add(_ value: Double, pane: Int) {
    if pieces.last?.pane != pane { pieces.append(Piece(pane: pane, start: numbers.count)) }
    numbers.append(OrderedNumber.from(value))
  }

  mutating func merge(_ other: Self) {
    for piece in other.pieces {
      pieces.append(Piece(pane: piece.pane, start: piece.start + numbers.count))
    }
    numbers.append(contentsOf: other.numbers)
  }

  /// Brings the numbers into the order of panes: the panes, and where the numbers of each end.
  private mutating func settle() -> (panes: [Int], ends: [Int]) {
    var ranges: [(pane: Int, range: Range<Int>)] = []
    for (index, piece) in pieces.enumerated() {
      let end = index + 1 < pieces.count ? pieces[index + 1].start : numbers.count
      ranges.append((piece.pane, piece.start..<end))
    }
    ranges.sort { ($0.pane, $0.range.lowerBound) < ($1.pane, $1.range.lowerBound) }
    var sorted: [UInt64] = []
    sorted.reserveCapacity(numbers.count)
    var panes: [Int] = []
    var ends: [Int] = []
    for (pane, range) in ranges {
      sorted.append(contentsOf: numbers[range])
      if panes.last == pane {
        ends[ends.count - 1] = sorted.count
      } else {
        panes.append(pane)
        ends.append(sorted.count)
      }
    }
    numbers = sorted
    pieces = []
    return (panes, ends)
  }

  /// `quantile_over_time` for each step; the numbers are gone afterwards.
  mutating func quantiles(_ fraction: Double, _ grid: PaneGrid) -> [Double] {
    let (panes, ends) = settle()
    var result = [Double](repeating: .noSample, count: grid.steps)
    let isDisjoint = grid.stride >= grid.panesPerWindow
    var ranks = isDisjoint ? nil : RankedWindow(numbers)
    var low = 0  // first pane of the window
    var high = 0  // first pane after it
    for step in 0..<grid.steps {
      let last = step * grid.stride
      let first = last - grid.panesPerWindow + 1
      while high < panes.count, panes[high] <= last {
        ranks?.add((high == 0 ? 0 : ends[high - 1])..<ends[high])
        high += 1
      }
      while low < high, panes[low] < first {
        ranks?.remove((low == 0 ? 0 : ends[low - 1])..<ends[low])
        low += 1
      }
      guard low < high else { continue }
      let window = (low == 0 ? 0 : ends[low - 1])..<ends[high - 1]
      result[step] = Quantile.value(fraction, count: window.count) { rank in
        if let ranks { return ranks.number(at: rank) }
        return Selection.number(at: rank, of: &numbers, in: window)
      }
    }
    numbers = []
    return result
  }
}

/// Numbers as integers that sort as quantiles want them: what is no number first.
enum OrderedNumber {
  @inline(__always)
  static func from(_ value: Double) -> UInt64 {
    if value.isNaN { return 0 }
    let bits = value.bitPattern
    return bits >> 63 == 0 ? bits | 1 << 63 : ~bits
  }

  @inline(__always)
  static func value(_ ordered: UInt64) -> Double {
    if ordered == 0 { return .nan }
    return Double(bitPattern: ordered >> 63 == 1 ? ordered & ~(1 << 63) : ~ordered)
  }
}

enum Quantile {
  /// Prometheus's quantile of `count` numbers, one at least: linear between the two nearest
  /// ranks. `number` answers the number at a rank as an ``OrderedNumber``.
  static func value(_ fraction: Double, count: Int, _ number: (Int) -> UInt64) -> Double {
    if fraction.isNaN { return .nan }
    if fraction < 0 { return -.infinity }
    if fraction > 1 { return .infinity }
    let rank = fraction * Double(count - 1)
    let lower = max(0, rank.rounded(.down))
    let upper = min(Double(count - 1), lower + 1)
    let weight = rank - rank.rounded(.down)
    let below = OrderedNumber.value(number(Int(lower)))
    let above = OrderedNumber.value(number(Int(upper)))
    return below * (1 - weight) + above * weight
  }
}
