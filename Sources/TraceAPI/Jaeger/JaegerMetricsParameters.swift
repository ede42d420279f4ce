import HTTP
import TelemetryModel
import TraceFormats
import TraceQL

/// The query of `/api/metrics/…` (Jaeger's `metricsQueryParams`, cmd/query, 2.20).
struct JaegerMetricsParameters {
  var services: [String] = []
  var byOperation = false
  var kinds: [SpanKind] = [.server]
  var end: Timestamp
  var lookback = TimeSpan.hours(1)
  var step = TimeSpan.seconds(5)
  /// The time before a point whose spans make the point.
  var window = TimeSpan.minutes(10)

  init(_ items: FormItems, now: Timestamp) throws(JaegerFault) {
    end = now
    services = items.values("service").filter { !$0.isEmpty }
    guard !services.isEmpty else {
      throw .parameter("service", "please provide at least one service name")
    }
    byOperation = try JaegerSearchParameters.flag("groupByOperation", items)
    let kindNames = items.values("spanKind").filter { !$0.isEmpty }
    if !kindNames.isEmpty {
      kinds = []
      for name in kindNames {
        guard let kind = name == "unspecified" ? .unspecified : JaegerNaming.kind(named: name)
        else { throw .parameter("spanKind", "unsupported span kind: '\(name)'") }
        kinds.append(kind)
      }
    }
    if let text = JaegerSearchParameters.text("endTs", items) {
      let milliseconds = try JaegerSearchParameters.number("endTs", text)
      end = Timestamp.zero + TimeSpan(clampingMilliseconds: milliseconds)
    }
    lookback = try Self.span("lookback", items) ?? lookback
    step = try Self.span("step", items) ?? step
    window = try Self.span("ratePer", items) ?? window
  }

  /// Milliseconds, above zero.
  private static func span(_ name: String, _ items: FormItems) throws(JaegerFault) -> TimeSpan? {
    guard let text = JaegerSearchParameters.text(name, items) else { return nil }
    let milliseconds = try JaegerSearchParameters.number(name, text)
    guard milliseconds > 0 else { throw .parameter(name, "it must be above 0") }
    return TimeSpan(clampingMilliseconds: milliseconds)
  }

  static func quantile(_ items: FormItems) throws(JaegerFault) -> Double {
    let text = items["quantile"] ?? ""
    guard let quantile = Double(text) else {
      throw .parameter(
        "quantile", "strconv.ParseFloat: parsing \"\(text)\": invalid syntax")
    }
    guard (0...1).contains(quantile) else {
      throw .parameter("quantile", "it is a number from 0 to 1")
    }
    return quantile
  }

  /// What the series are told apart by.
  var fields: [TraceField] {
    let service = TraceField.attribute(.resource, "service.name")
    return byOperation ? [service, .intrinsic(.name)] : [service]
  }

  /// The spans that count.
  func condition(failed: Bool) -> FieldExpression {
    func either(_ parts: [FieldExpression]) -> FieldExpression? {
      guard let first = parts.first else { return nil }
      return parts.dropFirst().reduce(first) { FieldExpression.binary(.or, $0, $1) }
    }
    func equals(_ field: TraceField, _ value: TraceValue) -> FieldExpression {
      .binary(.equal, .field(field), .literal(value))
    }
    var parts = [
      either(services.map { equals(.attribute(.resource, "service.name"), .string($0)) }),
      either(kinds.map { equals(.intrinsic(.kind), .kind($0)) }),
    ].compactMap(\.self)
    if failed { parts.append(equals(.intrinsic(.status), .status(SpanStatus.error))) }
    return parts.dropFirst().reduce(parts.first ?? .literal(.bool(true))) {
      FieldExpression.binary(.and, $0, $1)
    }
  }
}
