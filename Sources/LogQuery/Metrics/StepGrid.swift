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

/// How the windows of a range aggregation lie over time: cut into panes where windows start and
/// end, so that each window is a number of whole panes.
///
/// Pane `k·stride` ends with the window of step `k` and pane 0 with the first one. Where windows
/// don't start at the ends of others there is a pane before it too, from the end of the step
/// before to the start of the window that begins between the two. What all windows hold is one
/// pane, however many steps long it is: there are fewer than four panes for each step.
struct PaneGrid {
  /// The end of the first step's window.
  let origin: Int64
  let steps: Int
  /// Panes from a step to the next: 1 or 2.
  let stride: Int
  /// As numbers go; of those that all windows hold only 0 occurs.
  let panesPerWindow: Int
  private let span: Int64
  private let step: Int64
  /// How long before the end of a step windows start; 0 where that is at the end of one.
  private let remainder: Int64
  /// This pane and those behind it up to 0 are in all windows.
  private let firstInAll: Int

  init(_ grid: StepGrid, span: TimeSpan, offset: TimeSpan) {
    origin = (grid.start - offset).nanoseconds
    steps = grid.count
    self.span = max(1, span.nanoseconds)
    let isSingle = grid.count == 1 || grid.step <= .zero
    step = isSingle ? self.span : grid.step.nanoseconds
    remainder = self.span % step
    stride = remainder == 0 ? 1 : 2
    panesPerWindow = Int(self.span / step) * stride + stride - 1
    firstInAll = (steps - 1) * stride - panesPerWindow + 1
  }

  /// Every moment that some window may hold: start inclusive, end exclusive.
  var scanned: Range<Timestamp> {
    let first = windowEnd(0) - TimeSpan(nanoseconds: span)
    let one = TimeSpan(nanoseconds: 1)
    return (first + one)..<(windowEnd(steps - 1) + one)
  }

  /// The last moment of a step's window.
  func windowEnd(_ number: Int) -> Timestamp {
    Timestamp(nanoseconds: origin) + TimeSpan(nanoseconds: step * Int64(number))
  }

  /// The last moment of a pane.
  @inline(__always)
  func paneEnd(_ pane: Int) -> Timestamp {
    if stride == 1 { return Timestamp(nanoseconds: origin &+ Int64(pane) &* step) }
    // Rounded up: an odd number is of the pane before a step's own.
    let end = origin &+ Int64((pane + 1) >> 1) &* step
    return Timestamp(nanoseconds: pane & 1 == 0 ? end : end &- remainder)
  }

  /// The pane of a moment that some window may hold.
  @inline(__always)
  func pane(_ time: Timestamp) -> Int {
    let distance = time.nanoseconds &- origin
    // Rounded up: a moment on a border belongs to the pane that ends there.
    let (quotient, rest) = distance.quotientAndRemainder(dividingBy: step)
    let number = Int(rest > 0 ? quotient + 1 : quotient)
    var pane = number
    if stride == 2 {
      let toEnd = rest > 0 ? step - rest : -rest
      pane = 2 &* number &- (toEnd >= remainder ? 1 : 0)
    }
    return pane < 0 && pane >= firstInAll ? 0 : pane
  }

  /// Whether a window of some step holds the pane.
  @inline(__always)
  func isCovered(_ pane: Int) -> Bool { panesPerWindow > 1 || stride == 1 || pane & 1 == 0 }
}
