import Synchronization
package import TelemetryModel

/// Metrics that are made of spans as they come in, under the names of Tempo's metrics generator:
/// calls, latencies and sizes by service, name, kind and status, and the graph of services.
///
/// Each family has a bounded number of label sets (``MetricsRegistry/seriesMax``); what is beyond
/// counts into one that says `other`. Safe to use from any thread; a request takes a microsecond
/// or less for each of its spans.
package final class SpanMetrics: Sendable {
  package struct Settings: Sendable {
    package var hasSpanMetrics = true
    package var hasServiceGraph = true
    /// How long one side of a call waits for the other.
    package var pairWait = TimeSpan.seconds(10)
    /// Sides that wait at most.
    package var pairsMax = 10_000

    package init() {}
  }

  /// A class, so that finding it counts one reference, not three.
  private final class Series: Sendable {
    let calls: Counter
    let latency: Histogram
    let bytes: Counter

    init(calls: Counter, latency: Histogram, bytes: Counter) {
      self.calls = calls
      self.latency = latency
      self.bytes = bytes
    }
  }

  private struct State {
    var reader = MeasuredSpanReader()
    var series: [UInt64: Series] = [:]
    var graph: ServiceGraph
  }

  private let settings: Settings
  private let registry: MetricsRegistry
  private let state: Mutex<State>

  /// Seconds, doubling from two milliseconds on.
  static let latencyBounds = (0..<14).map { 0.002 * Double(1 << $0) }

  package init(_ settings: Settings = Settings(), registry: MetricsRegistry = .process) {
    self.settings = settings
    self.registry = registry
    state = Mutex(
      State(
        graph: ServiceGraph(
          registry, wait: settings.pairWait, edgesMax: settings.pairsMax)))
  }

  /// Measures the spans of an encoded OTLP request.
  package func observe(_ request: [UInt8], now: Timestamp) {
    state.withLock { state in
      let hasGraph = settings.hasServiceGraph
      if hasGraph { state.graph.expire(now: now) }
      var reader = state.reader
      state.reader = MeasuredSpanReader()
      // What cannot be read was refused before it came here.
      try? reader.read(request) { service, serviceHash, span in
        if settings.hasSpanMetrics { count(service, serviceHash, span, &state.series) }
        if hasGraph { state.graph.add(service, span, now: now) }
      }
      state.reader = reader
    }
  }

  /// Lets calls go whose other side did not come in time; for ``observe(_:now:)`` does it only
  /// when spans come.
  package func expire(now: Timestamp) {
    state.withLock { $0.graph.expire(now: now) }
  }

  private func count(
    _ service: String, _ serviceHash: UInt64, _ span: borrowing MeasuredSpan,
    _ known: inout [UInt64: Series]
  ) {
    var key = serviceHash &* 0x9e37_79b9_7f4a_7c15 ^ span.nameHash
    key = key &* 0xc2b2_ae3d_27d4_eb4f ^ UInt64(truncatingIfNeeded: span.kind.rawValue)
    key = key &* 0x1656_67b1_9e37_79f9 ^ UInt64(truncatingIfNeeded: span.status)
    let series: Series
    if let cached = known[key] {
      series = cached
    } else {
      series = make(service, span)
      // Beyond it all new ones are `other`, which the registry finds again.
      if known.count < 4 * MetricsRegistry.seriesMax { known[key] = series }
    }
    series.calls.add()
    series.latency.observe(span.seconds)
    series.bytes.add(span.size)
  }

  private func make(_ service: String, _ span: borrowing MeasuredSpan) -> Series {
    let labels: KeyValuePairs<String, String> = [
      "service": service, "span_name": span.name, "span_kind": Self.name(of: span.kind),
      "status_code": Self.name(ofStatus: span.status),
    ]
    return Series(
      calls: registry.counter(
        "traces_spanmetrics_calls_total", help: "Spans received.", labels: labels),
      latency: registry.histogram(
        "traces_spanmetrics_latency", help: "Durations of spans in seconds.", labels: labels,
        bounds: Self.latencyBounds),
      bytes: registry.counter(
        "traces_spanmetrics_size_total", help: "Bytes of spans received.", labels: labels))
  }

  private static func name(of kind: SpanKind) -> String {
    switch kind {
    case .internal: "SPAN_KIND_INTERNAL"
    case .server: "SPAN_KIND_SERVER"
    case .client: "SPAN_KIND_CLIENT"
    case .producer: "SPAN_KIND_PRODUCER"
    case .consumer: "SPAN_KIND_CONSUMER"
    default: "SPAN_KIND_UNSPECIFIED"
    }
  }

  private static func name(ofStatus code: Int32) -> String {
    switch code {
    case SpanStatus.ok: "STATUS_CODE_OK"
    case SpanStatus.error: "STATUS_CODE_ERROR"
    default: "STATUS_CODE_UNSET"
    }
  }
}
