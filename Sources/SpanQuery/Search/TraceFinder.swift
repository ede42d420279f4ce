import Bytes
import SpanStore
package import TelemetryModel
import TraceFormats

/// In which order a search answers; equal ones by the trace's id.
package enum TraceOrder: String, Sendable, CaseIterable {
  /// By the start of the newest span that matches.
  case newest
  /// The longest first, among the newest ``TraceFinder/sortedMax`` that match.
  case duration
}

/// Where a search goes on: after this trace of the answer before.
package struct TraceCursor: Hashable, Sendable {
  /// Nanoseconds of the start or of the length, as the order has it.
  package var key: Int64
  package var id: TraceID

  package init(key: Int64, id: TraceID) {
    self.key = key
    self.id = id
  }

  /// As a request has it: digits and a dot.
  package var text: String { "\(key).\(id.hex)" }

  /// Nil for what is no cursor.
  package init?(_ text: String) {
    let parts = text.split(separator: ".")
    guard parts.count == 2, let key = Int64(parts[0]), parts[1].utf8.count == 32,
      let high = UInt64(parts[1].prefix(16), radix: 16),
      let low = UInt64(parts[1].suffix(16), radix: 16)
    else { return nil }
    self.init(key: key, id: TraceID(high: high, low: low))
  }

  /// Whether a trace comes after this one, larger keys first.
  func precedes(_ other: TraceCursor) -> Bool {
    key == other.key ? id < other.id : key > other.key
  }
}

/// A trace of an answer and its place in the order.
struct FoundTrace: Sendable {
  var place: TraceCursor
  var trace: [ResourceSpans]
}

/// Finds traces page by page, the same for the same data whatever the pages' sizes.
///
/// A page's cursor is the place of its last trace. Newer traces may come in between pages; they
/// stand before what was answered and are not seen.
struct TraceFinder {
  /// Which spans match; its limit is not looked at.
  var search: SpanSearch
  var order = TraceOrder.newest
  var cursor: TraceCursor?
  var limit: Int

  /// Traces that are put in order for one answer at most.
  static let sortedMax = 10_000

  /// Calls `take` with each trace in order until it took `limit` of them.
  ///
  /// `take` tells whether the trace is in the answer; it may look at the whole of it.
  func find<Failure: Error>(
    _ source: any SpanSource, failure: (SpanStoreError) -> Failure,
    take: (FoundTrace) throws(Failure) -> Bool
  ) throws(Failure) {
    switch order {
    case .newest: try findNewest(source, failure, take)
    case .duration: try findLongest(source, failure, take)
    }
  }

  private func findNewest<Failure: Error>(
    _ source: any SpanSource, _ failure: (SpanStoreError) -> Failure,
    _ take: (FoundTrace) throws(Failure) -> Bool
  ) throws(Failure) {
    var taken = 0
    var bound = cursor?.key
    // Traces that start at the bound come again.
    var atBound: Set<TraceID> = []
    // The longer the search for a trace to take, the larger its steps.
    var step = 16
    while taken < limit {
      let asked = max(limit - taken, step) + atBound.count
      step = min(step * 4, 4096)
      var batch = search
      batch.limit = asked
      batch.start = range(before: bound)
      let ids: [TraceID]
      do { ids = try source.search(batch) } catch { throw failure(error) }
      var last: Int64?
      for id in ids where !atBound.contains(id) {
        let trace: [ResourceSpans]
        do { trace = try source.trace(id, tenant: search.tenant) } catch { throw failure(error) }
        guard let key = newest(trace, before: bound) else { continue }
        if key != last { atBound.removeAll() }
        last = key
        atBound.insert(id)
        let place = TraceCursor(key: newest(trace, before: nil) ?? key, id: id)
        // A trace with a newer match was on a page before this one.
        if place.key != key { continue }
        if let cursor, !cursor.precedes(place) { continue }
        guard try take(FoundTrace(place: place, trace: trace)) else { continue }
        taken += 1
        if taken == limit { return }
      }
      guard ids.count == asked, let last else { return }
      bound = last
    }
  }

  private func findLongest<Failure: Error>(
    _ source: any SpanSource, _ failure: (SpanStoreError) -> Failure,
    _ take: (FoundTrace) throws(Failure) -> Bool
  ) throws(Failure) {
    var all: [TraceCursor] = []
    do {
      var batch = search
      batch.limit = Self.sortedMax
      for id in try source.search(batch) {
        let trace = try source.trace(id, tenant: search.tenant)
        all.append(TraceCursor(key: trace.extent.length.nanoseconds, id: id))
      }
    } catch {
      throw failure(error)
    }
    var taken = 0
    for place in all.sorted(by: { $0.precedes($1) }) {
      if let cursor, !cursor.precedes(place) { continue }
      let trace: [ResourceSpans]
      do { trace = try source.trace(place.id, tenant: search.tenant) } catch {
        throw failure(error)
      }
      guard try take(FoundTrace(place: place, trace: trace)) else { continue }
      taken += 1
      if taken == limit { return }
    }
  }

  /// The search's range, at most up to `bound`, which is in it.
  private func range(before bound: Int64?) -> Range<Timestamp>? {
    guard let bound else { return search.start }
    let known = search.start ?? .distantPast..<(.distantFuture)
    let upper = min(known.upperBound, Timestamp(nanoseconds: bound) + TimeSpan(nanoseconds: 1))
    return min(known.lowerBound, upper)..<upper
  }

  /// The start of the newest span that matches and starts no later than `bound`.
  private func newest(_ trace: [ResourceSpans], before bound: Int64?) -> Int64? {
    var newest: Int64?
    trace.forEachSpan { span, scope, resource in
      let start = span.start.nanoseconds
      guard start <= bound ?? .max, start > newest ?? .min else { return }
      if search.holds(span, scope, resource) { newest = start }
    }
    return newest
  }
}

extension SpanSearch {
  /// Whether a span meets all conditions.
  func holds(_ span: Span, _ scope: InstrumentationScope, _ resource: Resource) -> Bool {
    if let service, !resource.serviceName.hasSameBytes(as: service) { return false }
    if let operation, !span.name.hasSameBytes(as: operation) { return false }
    if let start, !start.contains(span.start) { return false }
    let length = max(0, span.end.nanoseconds &- span.start.nanoseconds)
    if let minDuration, length < minDuration.nanoseconds { return false }
    if let maxDuration, length > maxDuration.nanoseconds { return false }
    guard conditions.allSatisfy({ $0.holds(span, resource, scope) }) else { return false }
    return matches?(span, resource, scope) ?? true
  }
}

extension [ResourceSpans] {
  /// The first start, and the time to the last end.
  package var extent: (start: Timestamp, length: TimeSpan) {
    var first = Timestamp.distantFuture
    var last = Timestamp.distantPast
    forEachSpan { span, _, _ in
      first = Swift.min(first, span.start)
      last = Swift.max(last, span.end, span.start)
    }
    return first <= last ? (first, last - first) : (.zero, .zero)
  }
}
