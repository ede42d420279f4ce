import TelemetryModel

/// The moments that a metric query is evaluated at.
struct StepGrid {
  let start: Timestamp
  let step: TimeSpan
  /// At least 1.
  let count: Int

  init(_ request: QueryRequest) {
    start = request.start
    step = request.step
    if request.isInstant {
      count = 1
    } else {
      let span = (request.end - request.start).nanoseconds
      count = span < 0 ? 1 : Int(min(span / request.step.nanoseconds, Int64.max - 1)) + 1
    }
  }

  private init(start: Timestamp, step: TimeSpan, count: Int) {
    self.start = start
    self.step = step
    self.count = count
  }

  /// The first half of the steps and the rest; of two steps at least.
  var halves: (StepGrid, StepGrid) {
    let middle = count / 2
    return (
      StepGrid(start: start, step: step, count: middle),
      StepGrid(start: time(middle), step: step, count: count - middle)
    )
  }

  func time(_ index: Int) -> Timestamp {
    start + TimeSpan(nanoseconds: step.nanoseconds * Int64(index))
  }

  var times: [Timestamp] { (0..<count).map(time) }
}

/// How the windows of a range aggregation lie over time: cut into panes of equal width, such that
/// each window is a whole number of them and each step moves by a whole number.
///
/// Pane `i` holds the moments in (origin + (i-1)·width, origin + i·width]; the window of step `k`
/// holds panes `k·stride - panesPerWindow + 1` to `k·stride`.
struct PaneGrid {
  /// The end of the first step's window.
  let origin: Int64
  let width: Int64
  let panesPerWindow: Int
  let stride: Int
  let steps: Int

  init(_ grid: StepGrid, span: TimeSpan, offset: TimeSpan) {
    origin = (grid.start - offset).nanoseconds
    let span = max(1, span.nanoseconds)
    if grid.count == 1 || grid.step == .zero {
      width = span
      panesPerWindow = 1
      stride = 1
    } else {
      width = PaneGrid.greatestCommonDivisor(span, grid.step.nanoseconds)
      panesPerWindow = Int(span / width)
      stride = Int(grid.step.nanoseconds / width)
    }
    steps = grid.count
  }

  private static func greatestCommonDivisor(_ a: Int64, _ b: Int64) -> Int64 {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
  }

  /// Every moment that some window may hold: start inclusive, end exclusive.
  var scanned: Range<Timestamp> {
    let first = Timestamp(nanoseconds: origin)
    let last = first + TimeSpan(nanoseconds: width * Int64(stride) * Int64(steps - 1))
    let span = TimeSpan(nanoseconds: width * Int64(panesPerWindow))
    let one = TimeSpan(nanoseconds: 1)
    return (first - span + one)..<(last + one)
  }

  /// The last moment of a step's window.
  func windowEnd(_ step: Int) -> Timestamp {
    Timestamp(nanoseconds: origin + Int64(step * stride) * width)
  }

  /// The last moment of a pane.
  @inline(__always)
  func paneEnd(_ pane: Int) -> Timestamp {
    Timestamp(nanoseconds: origin &+ Int64(pane) &* width)
  }

  /// The pane of a moment.
  @inline(__always)
  func pane(_ time: Timestamp) -> Int {
    let distance = time.nanoseconds &- origin
    // Rounded up: a moment on a border belongs to the pane that ends there.
    let quotient = distance / width
    return Int(distance > 0 && distance % width != 0 ? quotient + 1 : quotient)
  }

  /// Whether a window of some step holds the pane.
  @inline(__always)
  func isCovered(_ pane: Int) -> Bool {
    if stride <= panesPerWindow { return true }
    let step = pane > 0 ? (pane + stride - 1) / stride : 0
    return step < steps && pane > step * stride - panesPerWindow
  }
}
