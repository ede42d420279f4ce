import TelemetryModel

/// The calls of many traces by one rule, counted trace by trace, so that any time can be asked.
final class TraceCalls: Sendable {
  private let names: [String]
  private let kinds: [Call]
  /// Ascending.
  let traces: [TraceID]
  /// Of each trace; nil for one that never counts.
  private let extents: [CallExtent?]
  /// Where the calls of each trace end in ``calls``.
  private let ends: [Int]
  /// Numbers of ``kinds``.
  private let calls: [UInt32]
  /// Traces that may hold a span twice: their calls are not among ``calls``.
  let twins: [TraceID]
  /// How often there is each kind of call, and around all extents.
  private let totals: [Int]
  private let total: CallExtent?

  init(_ builder: TraceCallsBuilder) {
    names = builder.names.names
    kinds = builder.kinds
    traces = builder.traces
    extents = builder.extents
    ends = builder.ends
    calls = builder.calls
    twins = builder.twins
    var totals = [Int](repeating: 0, count: kinds.count)
    for call in calls { totals[Int(call)] += 1 }
    self.totals = totals
    var total: CallExtent?
    for case let extent? in extents {
      total = CallExtent(
        first: min(total?.first ?? .max, extent.first),
        last: max(total?.last ?? .min, extent.last))
    }
    self.total = total
  }

  /// Roughly the memory that it takes, and for each span as a rule.
  static let bytesPerRow = 12
  var byteCount: Int {
    traces.count * 56 + calls.count * 4 + kinds.count * 20 + names.count * 64 + 256
  }

  /// The place of a trace; nil when it is not there.
  func place(of trace: TraceID) -> Int? {
    var low = 0
    var high = traces.count
    while low < high {
      let middle = (low + high) / 2
      if traces[middle] < trace { low = middle + 1 } else { high = middle }
    }
    return low < traces.count && traces[low] == trace ? low : nil
  }

  /// Adds the calls of all traces in the time asked for but of those in `left`.
  func add(to counts: inout DependencyCounts, _ asked: CallExtent, leaving left: Set<TraceID>) {
    guard let total, total.first <= asked.last, total.last >= asked.first else { return }
    let passed = left.compactMap(place).sorted()
    var sums: [Int]
    if total.isInside(asked) {
      sums = totals
      for place in passed {
        for index in range(place) { sums[Int(calls[index])] -= 1 }
      }
    } else {
      sums = [Int](repeating: 0, count: kinds.count)
      var next = 0
      for place in traces.indices {
        if next < passed.count, passed[next] == place {
          next += 1
          continue
        }
        guard let extent = extents[place], extent.isInside(asked) else { continue }
        for index in range(place) { sums[Int(calls[index])] += 1 }
      }
    }
    for (kind, sum) in zip(kinds, sums) where sum > 0 {
      counts.add(
        parent: names[Int(kind.parent)], child: names[Int(kind.child)], count: sum,
        isError: kind.isError)
    }
  }

  private func range(_ place: Int) -> Range<Int> {
    (place == 0 ? 0 : ends[place - 1])..<ends[place]
  }
}

/// Gathers the calls of traces that come ascending, each whole. Used by one thread.
struct TraceCallsBuilder {
  let names: CallNames
  private(set) var kinds: [Call] = []
  private(set) var traces: [TraceID] = []
  private(set) var extents: [CallExtent?] = []
  private(set) var ends: [Int] = []
  private(set) var calls: [UInt32] = []
  private(set) var twins: [TraceID] = []
  private var finder: CallFinder
  private var numbers: [Call: UInt32] = [:]
  private var scratch: [Int] = []

  init(_ rule: DependencyRule, _ names: CallNames) {
    self.names = names
    finder = CallFinder(rule)
  }

  /// Adds a trace. One that may hold a span twice is only noted, unless `isChecked`.
  mutating func add(_ trace: TraceID, _ spans: ArraySlice<CallSpan>, isChecked: Bool = false) {
    traces.append(trace)
    if !isChecked, CallSpan.mayHaveTwins(spans, &scratch) {
      twins.append(trace)
      extents.append(nil)
    } else {
      extents.append(finder.extent(of: spans))
      var (kinds, numbers, calls) = (self.kinds, self.numbers, self.calls)
      (self.kinds, self.numbers, self.calls) = ([], [:], [])
      finder.calls(of: spans) { call in
        calls.append(Self.number(of: call, &kinds, &numbers))
      }
      (self.kinds, self.numbers, self.calls) = (kinds, numbers, calls)
    }
    ends.append(calls.count)
  }

  /// Adds a trace whose calls, numbers of ``number(of:)``, were found before.
  mutating func add(
    _ trace: TraceID, _ extent: CallExtent?, isTwin: Bool, _ calls: some Sequence<UInt32>
  ) {
    traces.append(trace)
    extents.append(extent)
    if isTwin { twins.append(trace) }
    self.calls.append(contentsOf: calls)
    ends.append(self.calls.count)
  }

  /// The number of a call in ``kinds``, a new one when it is not there.
  mutating func number(of call: Call) -> UInt32 { Self.number(of: call, &kinds, &numbers) }

  private static func number(
    of call: Call, _ kinds: inout [Call], _ numbers: inout [Call: UInt32]
  ) -> UInt32 {
    if let known = numbers[call] { return known }
    let new = UInt32(kinds.count)
    numbers[call] = new
    kinds.append(call)
    return new
  }

  func finish() -> TraceCalls { TraceCalls(self) }
}
