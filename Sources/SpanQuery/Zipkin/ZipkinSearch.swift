package import Bytes
package import SpanStore
import Synchronization
package import TelemetryModel
package import TraceFormats

/// A search as Zipkin has it: the conditions must hold for the trace, each on any span of the
/// service, and the trace must begin in the range.
package struct ZipkinSearch: Sendable {
  /// In small letters, as Zipkin keeps names.
  package var serviceName: String?
  package var remoteServiceName: String?
  package var spanName: String?
  /// Keys of tags or values of annotations, and the tag's value or empty for any.
  package var annotations: [ByteText: String] = [:]
  package var minDurationMicroseconds: UInt64?
  package var maxDurationMicroseconds: UInt64?
  /// The last moment at which a trace may begin; both ends are included.
  package var end: Timestamp
  package var lookback: TimeSpan
  /// Traces at most.
  package var limit = 10

  package init(end: Timestamp, lookback: TimeSpan) {
    self.end = end
    self.lookback = lookback
  }
}

extension ZipkinSearch {
  /// When a trace begins: its root's start or else its first span's, in microseconds; nil when no
  /// span has a time.
  package static func begin(of trace: [ZipkinSpan]) -> UInt64? {
    trace.first { $0.parentID == nil && $0.timestampMicroseconds != nil }?.timestampMicroseconds
      ?? trace.compactMap(\.timestampMicroseconds).min()
  }

  /// Whether a whole trace meets the search.
  package func holds(for trace: [ZipkinSpan]) -> Bool {
    guard let begin = Self.begin(of: trace) else { return false }
    let endMicroseconds = end.nanoseconds / 1000
    let startMicroseconds = (end - lookback).nanoseconds / 1000
    guard Int64(clamping: begin) >= startMicroseconds, Int64(clamping: begin) <= endMicroseconds
    else { return false }
    let spans = trace.filter(isOfService)
    guard !spans.isEmpty else { return false }
    if let spanName, !spans.contains(where: { $0.name.lowercased().hasSameBytes(as: spanName) }) {
      return false
    }
    if let remoteServiceName,
      !spans.contains(where: {
        $0.remoteEndpoint?.serviceName.lowercased().hasSameBytes(as: remoteServiceName) ?? false
      })
    {
      return false
    }
    for (key, value) in annotations {
      guard spans.contains(where: { Self.has(key.text, value, $0) }) else { return false }
    }
    return spans.contains(where: hasDuration)
  }

  private func isOfService(_ span: ZipkinSpan) -> Bool {
    guard let serviceName else { return true }
    return span.localEndpoint?.serviceName.lowercased().hasSameBytes(as: serviceName) ?? false
  }

  private static func has(_ key: String, _ value: String, _ span: ZipkinSpan) -> Bool {
    if let tag = span.tag(key), value.isEmpty || tag.hasSameBytes(as: value) { return true }
    return value.isEmpty && span.annotations.contains { $0.value.hasSameBytes(as: key) }
  }

  private func hasDuration(_ span: ZipkinSpan) -> Bool {
    let duration = span.durationMicroseconds ?? 0
    if let minDurationMicroseconds, duration < minDurationMicroseconds { return false }
    // Without a least duration Zipkin does not look at the most either.
    guard let maxDurationMicroseconds, minDurationMicroseconds != nil else { return true }
    return duration <= maxDurationMicroseconds
  }

  /// A condition that at least one span of any trace in the answer meets; nil when there is none.
  ///
  /// It spares reading traces whole; what it lets through is checked with ``holds(for:)``.
  var condition: (@Sendable (Span, Resource, InstrumentationScope) -> Bool)? {
    let search = self
    if let spanName {
      return { span, _, _ in span.name.lowercased().hasSameBytes(as: spanName) }
    }
    guard !annotations.isEmpty || remoteServiceName != nil else { return nil }
    return { span, resource, scope in
      var group = ScopeSpans()
      group.scope = scope
      group.spans = [span]
      var batch = ResourceSpans()
      batch.resource = resource
      batch.scopes = [group]
      guard let zipkin = ZipkinSpan.spans(of: [batch]).first else { return false }
      if let name = search.remoteServiceName {
        return zipkin.remoteEndpoint?.serviceName.lowercased().hasSameBytes(as: name) ?? false
      }
      return search.annotations.contains { Self.has($0.key.text, $0.value, zipkin) }
    }
  }
}

extension SpanQuery {
  /// The traces that a search finds, the last begun first, each whole in Zipkin's terms.
  nonisolated(nonsending)
    package func search(_ search: ZipkinSearch, tenant: TenantID) async throws(SpanStoreError)
    -> [[ZipkinSpan]]
  {
    try await onPool { source throws(SpanStoreError) in
      try Self.find(search, tenant: tenant, source)
    }
  }

  /// More traces than this are not read whole for one answer.
  private static let candidatesMax = 10_000

  private static func find(
    _ search: ZipkinSearch, tenant: TenantID, _ source: any SpanSource
  ) throws(SpanStoreError) -> [[ZipkinSpan]] {
    let services = try storedServices(search.serviceName, tenant: tenant, source)
    var found: [[ZipkinSpan]] = []
    var seen: Set<TraceID> = []
    for service in services {
      var asked = max(search.limit * 2, 32)
      while true {
        let ids = try source.search(
          spanSearch(search, tenant: tenant, service: service, limit: asked))
        var matched = 0
        for id in ids where seen.insert(id).inserted {
          let trace = ZipkinSpan.spans(of: try source.trace(id, tenant: tenant))
          guard search.holds(for: trace) else { continue }
          found.append(trace)
          matched += 1
        }
        // Candidates come by their newest span, answers by their begin: some more are read than
        // are asked for, so that the order settles.
        if ids.count < asked || found.count >= search.limit * 2 || asked >= candidatesMax { break }
        asked = min(asked * 4, candidatesMax)
      }
    }
    let ordered = found.map { (begin: ZipkinSearch.begin(of: $0) ?? 0, trace: $0) }
      .sorted { a, b in
        guard a.begin == b.begin, let first = a.trace.first, let second = b.trace.first else {
          return a.begin > b.begin
        }
        return first.traceID < second.traceID
      }
    return ordered.prefix(search.limit).map(\.trace)
  }

  private static func spanSearch(
    _ search: ZipkinSearch, tenant: TenantID, service: String?, limit: Int
  ) -> SpanSearch {
    var spans = SpanSearch(tenant: tenant, limit: limit)
    spans.service = service
    // A trace that begins in the range may have its spans of the service some time later.
    let lower = search.end - search.lookback
    spans.start = lower..<max(lower, search.end + .hours(1))
    spans.matches = search.condition
    // Conditions may hold on different spans, so that only one of them can be asked here.
    if spans.matches == nil, let duration = search.minDurationMicroseconds {
      // A microsecond less, since Zipkin's durations are rounded.
      let nanoseconds = Int64(clamping: duration).multipliedReportingOverflow(by: 1000)
      if !nanoseconds.overflow {
        spans.minDuration = TimeSpan(nanoseconds: max(0, nanoseconds.partialValue - 1000))
      }
    }
    return spans
  }

  /// The services that Zipkin shows as `name`; one nil for all when there is no name.
  private static func storedServices(
    _ name: String?, tenant: TenantID, _ source: any SpanSource
  ) throws(SpanStoreError) -> [String?] {
    guard let name else { return [nil] }
    return try source.services(tenant: tenant).filter { $0.lowercased().hasSameBytes(as: name) }
  }

  /// The names of services in small letters, sorted.
  nonisolated(nonsending)
    package func zipkinServices(tenant: TenantID) async throws(SpanStoreError) -> [String]
  {
    try await onPool { source throws(SpanStoreError) in
      let names = try source.services(tenant: tenant).map { $0.lowercased() }
      return Set(texts: names.filter { !$0.isEmpty }).sortedTexts()
    }
  }

  /// The names of a service's spans in small letters, sorted.
  nonisolated(nonsending)
    package func zipkinSpanNames(of service: String, tenant: TenantID)
    async throws(SpanStoreError) -> [String]
  {
    try await onPool { source throws(SpanStoreError) in
      var names: Set<ByteText> = []
      for service in try Self.storedServices(service, tenant: tenant, source) {
        guard let service else { continue }
        for operation in try source.operations(tenant: tenant, service: service) {
          names.insert(operation.name.lowercased())
        }
      }
      return names.sortedTexts().filter { !$0.isEmpty }
    }
  }

  /// The names of services that a service's spans called, in small letters, sorted.
  ///
  /// Spans of the last day before `now` are looked at, 100,000 at most.
  nonisolated(nonsending)
    package func zipkinRemoteServices(of service: String, now: Timestamp, tenant: TenantID)
    async throws(SpanStoreError) -> [String]
  {
    try await onPool { source throws(SpanStoreError) in
      let names = NameCollector(spansMax: 100_000)
      for service in try Self.storedServices(service, tenant: tenant, source) {
        var search = SpanSearch(tenant: tenant, limit: 1)
        search.service = service
        search.start = (now - .hours(24))..<(now + .hours(1))
        search.matches = { span, _, _ in names.look(at: span) }
        _ = try source.search(search)
      }
      return names.sorted
    }
  }
}

/// Gathers names of remote services while a search goes over spans.
private final class NameCollector: Sendable {
  private let state: Mutex<(names: Set<ByteText>, spansLeft: Int)>

  init(spansMax: Int) { state = Mutex(([], spansMax)) }

  /// Always false until enough was seen, so that the search goes on.
  func look(at span: Span) -> Bool {
    let value =
      span.attributes.value(of: "service.peer.name") ?? span.attributes.value(of: "peer.service")
    return state.withLock { state in
      state.spansLeft -= 1
      if let name = value?.text, !name.isEmpty { state.names.insert(name.lowercased()) }
      return state.spansLeft <= 0
    }
  }

  var sorted: [String] { state.withLock { $0.names.sortedTexts() } }
}
