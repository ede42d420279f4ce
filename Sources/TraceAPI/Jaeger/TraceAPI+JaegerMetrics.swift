import Bytes
import HTTP
import SpanQuery
import TelemetryModel
import TraceQL
import WireFormats

/// Numbers for Jaeger's Monitor tab (SPM): latencies, calls and errors of services and operations,
/// as Jaeger's API has them with a metrics backend. Here they are counted from the stored spans.
extension TraceAPI {
  func metricsRoutes(on router: inout Router) {
    guard answersJaegerMetrics else {
      for name in ["latencies", "calls", "errors", "minstep"] {
        v1(.get, "/api/metrics/\(name)", on: &router) { _, _ in
          throw JaegerFault(
            .notImplemented,
            "trace metrics are currently disabled - no metrics backend configured")
        }
      }
      return
    }
    v1(.get, "/api/metrics/minstep", on: &router) { _, _ in
      JaegerEnvelope.write { $0.int(1) }
    }
    v1(.get, "/api/metrics/calls", on: &router) { request, tenant in
      let parameters = try JaegerMetricsParameters(try request.query(), now: now)
      let calls = try await counts(parameters, failed: false, tenant)
      let seconds = parameters.window.seconds
      return JaegerMetricFamily(
        "call_rate", "calls/sec", parameters,
        lines: calls.lines.mapValues { line in line.map { $0 / seconds } }, times: calls.times
      ).json
    }
    v1(.get, "/api/metrics/errors", on: &router) { request, tenant in
      let parameters = try JaegerMetricsParameters(try request.query(), now: now)
      let calls = try await counts(parameters, failed: false, tenant)
      let failed = try await counts(parameters, failed: true, tenant).lines
      var lines: [[String]: [Double]] = [:]
      for (key, all) in calls.lines {
        let errors = failed[key] ?? Array(repeating: 0, count: all.count)
        lines[key] = zip(errors, all).map { failures, count -> Double in
          count == 0 ? .nan : failures / count
        }
      }
      return JaegerMetricFamily(
        "error_rate", "error rate, computed as a fraction of errors/sec over calls/sec",
        parameters, lines: lines, times: calls.times
      ).json
    }
    v1(.get, "/api/metrics/latencies", on: &router) { request, tenant in
      let items = try request.query()
      let quantile = try JaegerMetricsParameters.quantile(items)
      let parameters = try JaegerMetricsParameters(items, now: now)
      let found = try await latencies(parameters, quantile, tenant)
      let name = "\(quantile)th quantile latency"
      return JaegerMetricFamily(
        "latencies", name, parameters, lines: found.lines, times: found.times
      ).json
    }
  }

  /// Values by labels, and when each is.
  private typealias Lines = (lines: [[String]: [Double]], times: [Timestamp])

  /// Series over the steps of the question and the window before its first.
  private func series(
    _ parameters: JaegerMetricsParameters, _ condition: FieldExpression,
    _ operation: MetricsFunction.Operation, _ tenant: TenantID
  ) async throws -> (series: [MetricsSeries], range: MetricsRange, width: Int) {
    let start = parameters.end - parameters.lookback - parameters.window
    guard let range = MetricsRange(from: start, to: parameters.end, step: parameters.step) else {
      throw JaegerFault(
        .badRequest, "lookback and ratePer have more than \(MetricsRange.stepsMax) steps")
    }
    let question = TraceQLMetricsQuery(
      query: TraceQuery(metrics: operation, by: parameters.fields, of: condition),
      range: range)
    let step = parameters.step.nanoseconds
    let width = Int((parameters.window.nanoseconds - 1) / step) + 1
    switch await query.metrics(question, tenant: tenant) {
    case .success(let answer): return (answer.series, range, width)
    case .failure(.store(let error)): throw error
    case .failure(.query(let error)): throw JaegerFault(.badRequest, error.message)
    }
  }

  /// Sums over the window before each point.
  private static func sliding(_ values: [Double], _ width: Int) -> [Double] {
    var sum = 0.0
    return values.indices.map { index -> Double in
      sum += values[index]
      if index >= width { sum -= values[index - width] }
      return sum
    }
  }

  private static func key(
    of series: MetricsSeries, _ parameters: JaegerMetricsParameters
  ) -> [String] {
    parameters.fields.map { field in
      series.labels.first { $0.name.hasSameBytes(as: field.text) }?.value.plainText ?? ""
    }
  }

  /// The points of the question: those after the window of the first.
  private static func points(
    _ range: MetricsRange, _ width: Int, _ lines: [[String]: [Double]]
  ) -> Lines {
    let first = min(width, range.count - 1)
    let times = (first..<range.count).map { range.time(of: $0) }
    return (lines.mapValues { line in Array(line[first...]) }, times)
  }

  private func counts(
    _ parameters: JaegerMetricsParameters, failed: Bool, _ tenant: TenantID
  ) async throws -> Lines {
    let (found, range, width) = try await series(
      parameters, parameters.condition(failed: failed), .countOverTime, tenant)
    var lines: [[String]: [Double]] = [:]
    for series in found {
      lines[Self.key(of: series, parameters)] = Self.sliding(series.values, width)
    }
    return Self.points(range, width, lines)
  }

  /// Milliseconds; not a number where there were no calls.
  private func latencies(
    _ parameters: JaegerMetricsParameters, _ quantile: Double, _ tenant: TenantID
  ) async throws -> Lines {
    let (found, range, width) = try await series(
      parameters, parameters.condition(failed: false),
      .histogramOverTime(.intrinsic(.duration)), tenant)
    var buckets: [[String]: [(end: Double, counts: [Double])]] = [:]
    for series in found {
      guard case .float(let end)? = series.labels.first(where: { $0.name == "__bucket" })?.value
      else { continue }
      buckets[Self.key(of: series, parameters), default: []].append(
        (end, Self.sliding(series.values, width)))
    }
    var lines: [[String]: [Double]] = [:]
    for (key, members) in buckets {
      let sorted = members.sorted { $0.end < $1.end }
      lines[key] = (0..<range.count).map { step -> Double in
        var counts: [(end: Double, count: Int)] = []
        for member in sorted where member.counts[step] > 0 {
          counts.append((member.end, Int(member.counts[step])))
        }
        return counts.isEmpty ? .nan : 1000 * PowerOfTwoBuckets.quantile(quantile, counts)
      }
    }
    return Self.points(range, width, lines)
  }
}

/// OpenMetrics' `MetricFamily` as JSON, which Jaeger's API answers with.
private struct JaegerMetricFamily {
  private let name: String
  private let help: String
  private let parameters: JaegerMetricsParameters
  private let lines: [[String]: [Double]]
  private let times: [Timestamp]

  init(
    _ name: String, _ help: String, _ parameters: JaegerMetricsParameters,
    lines: [[String]: [Double]], times: [Timestamp]
  ) {
    self.name = (parameters.byOperation ? "service_operation_" : "service_") + name
    self.help = help + ", grouped by service" + (parameters.byOperation ? " & operation" : "")
    self.parameters = parameters
    self.lines = lines
    self.times = times
  }

  var json: [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("name")
    json.string(name)
    json.key("type")
    json.string("GAUGE")
    json.key("help")
    json.string(help)
    json.key("metrics")
    json.beginArray()
    for (key, values) in lines.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      write(key, values, to: &json)
    }
    json.endArray()
    json.endObject()
    return json.bytes
  }

  private func write(_ key: [String], _ values: [Double], to json: inout JSONWriter) {
    json.beginObject()
    json.key("labels")
    json.beginArray()
    // Jaeger puts the operation first.
    for (name, value) in zip(["service_name", "operation"], key).reversed() {
      json.beginObject()
      json.key("name")
      json.string(name)
      json.key("value")
      json.string(value)
      json.endObject()
    }
    json.endArray()
    json.key("metricPoints")
    json.beginArray()
    for (value, time) in zip(values, times) where !value.isNaN {
      json.beginObject()
      json.key("gaugeValue")
      json.beginObject()
      json.key("doubleValue")
      json.double(value)
      json.endObject()
      json.key("timestamp")
      json.string(GoTimeLayout.rfc3339Nano.format(ZonedTime(time)))
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }
}
