import TelemetryModel

/// By whose rules calls between services are counted.
package enum DependencyRule: Hashable, Sendable {
  /// Each span with a parent in its trace is a call, within a service too. Traces count that lie
  /// wholly between the ends of the time asked for.
  case jaeger
  /// Kinds and names of the other side tell calls (openzipkin, `DependencyLinker`). Traces count
  /// that begin between the ends.
  case zipkin
}

/// One call; the names are numbers of ``CallNames``.
struct Call: Hashable {
  var parent: Int32
  var child: Int32
  var isError = false
}

/// When a trace was, in the rule's unit: it counts when `first` is not before and `last` not after
/// what is asked for.
struct CallExtent: Hashable {
  var first: Int64
  var last: Int64

  func isInside(_ asked: CallExtent) -> Bool { first >= asked.first && last <= asked.last }
}

/// Finds the calls of traces by one rule, one trace after another. Used by one thread.
struct CallFinder {
  let rule: DependencyRule
  private var zipkin = ZipkinCalls()
  private var order = CallOrder()

  init(_ rule: DependencyRule) { self.rule = rule }

  /// What is asked for; both ends count.
  static func extent(_ rule: DependencyRule, _ start: Timestamp, _ end: Timestamp) -> CallExtent {
    switch rule {
    case .jaeger: CallExtent(first: start.nanoseconds, last: end.nanoseconds)
    case .zipkin: CallExtent(first: start.nanoseconds / 1000, last: end.nanoseconds / 1000)
    }
  }

  /// When the trace was; nil when it never counts. `spans` are all of it, by their start.
  func extent(of spans: ArraySlice<CallSpan>) -> CallExtent? {
    switch rule {
    case .jaeger:
      guard var first = spans.first?.start, var last = spans.first?.end else { return nil }
      for span in spans {
        first = min(first, span.start)
        last = max(last, span.end)
      }
      return CallExtent(first: first, last: last)
    case .zipkin:
      guard let begin = ZipkinCalls.begin(of: spans) else { return nil }
      return CallExtent(first: begin, last: begin)
    }
  }

  /// Calls `visit` with each call in the trace.
  mutating func calls(of spans: ArraySlice<CallSpan>, _ visit: (Call) -> Void) {
    switch rule {
    case .zipkin: zipkin.calls(of: spans, visit)
    case .jaeger:
      order.set(spans)
      for span in spans where span.parent != 0 {
        guard let parent = order.first(span.parent) else { continue }
        visit(Call(parent: spans[parent].parties.service, child: span.parties.service))
      }
    }
  }
}

/// Finds the spans of a trace by their id. Used by one thread, for one trace after another.
struct CallOrder {
  private var ids: [UInt64] = []
  /// Indices of the spans, by id, then as they came.
  private(set) var indices: [Int] = []

  mutating func set(_ spans: ArraySlice<CallSpan>) {
    indices.removeAll(keepingCapacity: true)
    indices.append(contentsOf: spans.indices)
    indices.sort { a, b in
      spans[a].id == spans[b].id ? a < b : spans[a].id < spans[b].id
    }
    ids.removeAll(keepingCapacity: true)
    for index in indices { ids.append(spans[index].id) }
  }

  /// The spans with this id, 64 at most, as places in ``indices``.
  ///
  /// Of spans that share an id some are enough, however many a sender makes.
  func places(_ id: UInt64) -> Range<Int> {
    var low = 0
    var high = ids.count
    while low < high {
      let middle = (low + high) / 2
      if ids[middle] < id { low = middle + 1 } else { high = middle }
    }
    var end = low
    while end < ids.count, end - low < 64, ids[end] == id { end += 1 }
    return low..<end
  }

  /// The first span with this id.
  func first(_ id: UInt64) -> Int? {
    let places = places(id)
    return places.isEmpty ? nil : indices[places.lowerBound]
  }
}
