import Storage
package import TelemetryModel
import TraceFormats

extension SpanStore {
  /// Parts of a trace that lie further than this outside of the time asked for are not looked at.
  private static let joinReach = TimeSpan.hours(1)

  /// Calls between services in traces of the time asked for, both ends included; by parent, then
  /// child.
  ///
  /// The calls of a segment are counted once and kept while there is room. Only traces that lie in
  /// several places, or that may hold a span twice, are put together.
  package func dependencies(
    _ rule: DependencyRule, from start: Timestamp, to end: Timestamp, tenant: TenantID
  ) throws(SpanStoreError) -> [DependencyLink] {
    guard start <= end else { return [] }
    let asked = CallFinder.extent(rule, start, end)
    let join = CallJoin(store: self, snapshot: engine.snapshot(), rule: rule, tenant: tenant)
    calls.forget(allBut: Set(join.snapshot.segments.map(\.id)))
    var places: [CallPlace] = []
    var heldBytes = 0
    for segment in join.snapshot.segments {
      let summary = segment.summary
      guard summary.oldest <= end + Self.joinReach, summary.newest >= start - Self.joinReach,
        let index = index(of: segment, tenant: tenant)
      else { continue }
      var place = CallPlace(segment: segment, index: index)
      // What is too much to be held is counted when it is needed.
      heldBytes += index.rowCount * TraceCalls.bytesPerRow
      if heldBytes <= CallCache.bytesMax { place.known = keptCalls(of: place, join) }
      places.append(place)
    }
    var counts = DependencyCounts()
    let names = CallNames()
    let head = HeadSpans(join.snapshot.heads, join, names)
    let headCalls = head.calls(rule, names)
    let joined = joinedCalls(of: places, join)
    let shared = Set(joined.traces)
    var late = Set(headCalls.twins)
    for place in places {
      let made = place.known ?? join.calls(of: place)
      late.formUnion(head.traces.filter { made.place(of: $0) != nil })
      made.add(to: &counts, asked, leaving: shared.union(late))
    }
    joined.add(to: &counts, asked, leaving: late)
    join.calls(of: late, in: places, head, names).add(to: &counts, asked, leaving: [])
    headCalls.add(to: &counts, asked, leaving: late)
    return counts.links
  }

  private func keptCalls(of place: CallPlace, _ join: CallJoin) -> TraceCalls {
    if let known = calls.calls(of: place.segment.id, join.rule, join.tenant) { return known }
    let made = join.calls(of: place)
    calls.keep(made, of: place.segment.id, join.rule, join.tenant)
    return made
  }

  /// The calls of the traces that lie in several segments, or have to be read whole.
  private func joinedCalls(of places: [CallPlace], _ join: CallJoin) -> TraceCalls {
    let ids = places.map(\.segment.id)
    if let known = calls.joined(ids, join.rule, join.tenant) { return known }
    var shared = places.compactMap(\.known?.traces).shared
    for (number, place) in places.enumerated() {
      if let made = place.known {
        shared.formUnion(made.twins)
        continue
      }
      let made = join.calls(of: place)
      shared.formUnion(made.twins)
      let others = places[..<number] + places[(number + 1)...]
      for trace in made.traces where others.contains(where: { $0.mayHold(trace) }) {
        shared.insert(trace)
      }
    }
    let made = join.calls(of: shared, in: places, HeadSpans(), CallNames())
    calls.keepJoined(made, ids, join.rule, join.tenant)
    return made
  }
}

/// A segment with spans of the tenant, while a question is answered.
struct CallPlace {
  let segment: Segment
  let index: SpanIndex
  /// Its calls, when they are held.
  var known: TraceCalls?

  /// Whether it holds the trace; without its calls, one in a hundred that it does not hold is
  /// taken for held.
  func mayHold(_ trace: TraceID) -> Bool {
    if let known { return known.place(of: trace) != nil }
    return !index.blocks(of: trace).isEmpty
  }
}

/// Finds the calls of traces of one tenant at one moment. Used by one thread.
///
/// What is damaged is left out; the storage has counted and named it.
struct CallJoin {
  let store: SpanStore
  let snapshot: StoreSnapshot<SpanHead>
  let rule: DependencyRule
  let tenant: TenantID

  /// The calls of all traces of a segment.
  func calls(of place: CallPlace) -> TraceCalls {
    let part = store.part(place.segment, place.index)
    let names = CallNames()
    let table = CallPartyTable(names) { place.index.resources[$0] }
    var builder = TraceCallsBuilder(rule, names)
    for entry in place.index.blocks {
      guard let block = part.block(entry) else { continue }
      if let known = try? CallColumn(block, rule) {
        try? known.add(to: &builder)
      } else if let columns = try? BlockCalls(block, rule, table) {
        try? columns.forEachTrace { builder.add($0, $1[...]) }
      }
    }
    return builder.finish()
  }

  /// The calls of some traces, put together from all places.
  func calls(
    of traces: Set<TraceID>, in places: [CallPlace], _ head: HeadSpans, _ names: CallNames
  ) -> TraceCalls {
    var spans: [TraceID: [CallSpan]] = [:]
    if !traces.isEmpty {
      for place in places { add(traces, of: place, names, to: &spans) }
    }
    var builder = TraceCallsBuilder(rule, names)
    var scratch: [Int] = []
    for trace in traces.sorted() {
      var all = spans[trace] ?? []
      all += head.spans(of: trace)
      if CallSpan.mayHaveTwins(all[...], &scratch) {
        let request = store.request(of: trace, tenant: tenant, snapshot)
        let whole = (try? OTLPTraceProtobuf.decode(request, limits: .none)) ?? []
        all = CallSpan.spans(of: whole, names)
      } else {
        all = all.orderedByStart
      }
      builder.add(trace, all[...], isChecked: true)
    }
    return builder.finish()
  }

  /// Reads the spans of some traces off a segment, each of its blocks once.
  private func add(
    _ traces: Set<TraceID>, of place: CallPlace, _ names: CallNames,
    to spans: inout [TraceID: [CallSpan]]
  ) {
    var wanted: [Int: [TraceID]] = [:]
    for trace in traces where place.mayHold(trace) {
      for number in place.index.places(of: trace) { wanted[number, default: []].append(trace) }
    }
    let part = store.part(place.segment, place.index)
    let table = CallPartyTable(names) { place.index.resources[$0] }
    for (number, traces) in wanted {
      guard let block = part.block(place.index.blocks[number]),
        let columns = try? BlockCalls(block, rule, table)
      else { continue }
      for trace in traces {
        if let found = try? columns.spans(of: trace) { spans[trace, default: []] += found }
      }
    }
  }
}

extension [CallSpan] {
  /// By start, then as they came.
  var orderedByStart: [CallSpan] {
    let order = indices.sorted {
      self[$0].start == self[$1].start ? $0 < $1 : self[$0].start < self[$1].start
    }
    return order.map { self[$0] }
  }
}
