import HTTP
import SpanQuery
import TelemetryModel
import TraceQL
import WireFormats

/// Numbers over time from spans.
extension TraceAPI {
  func tempoMetricsRoutes(on router: inout Router) {
    tempo("/api/metrics/query_range", on: &router) { request, tenant in
      let parameters = TempoMetricsParameters(items: try request.query(), now: now)
      let (start, end) = try parameters.bounds()
      let step = try parameters.step(from: start, to: end)
      guard let range = MetricsRange(from: start, to: end, step: step) else {
        throw TempoFault.badRequest(
          "the range must be after 1970, not empty, and of \(MetricsRange.stepsMax) steps at most")
      }
      var question = TraceQLMetricsQuery(query: try parameters.query(), range: range)
      question.exemplarsMax = try parameters.exemplars(question.query)
      let answer = try TempoFault.value(of: await query.metrics(question, tenant: tenant))
      return .json(TempoMetricsAnswer.range(answer, range))
    }
    tempo("/api/metrics/query", on: &router) { request, tenant in
      let parameters = TempoMetricsParameters(items: try request.query(), now: now)
      let (start, end) = try parameters.bounds()
      guard let range = MetricsRange(instantFrom: start, to: end) else {
        throw TempoFault.badRequest("start must be before end")
      }
      let question = TraceQLMetricsQuery(query: try parameters.query(), range: range)
      let answer = try TempoFault.value(of: await query.metrics(question, tenant: tenant))
      return .json(TempoMetricsAnswer.instant(answer))
    }
  }
}

/// The parameters of `/api/metrics/…`.
private struct TempoMetricsParameters {
  let items: FormItems
  let now: Timestamp

  private var shared: TempoParameters { TempoParameters(items: items) }

  /// Examples told with one series at most.
  static let exemplarsMax: UInt64 = 1_000
  /// What `with(exemplars=true)` stands for.
  static let exemplarsUsual: UInt64 = 100

  func query() throws(TempoFault) -> TraceQuery {
    guard let text = shared["q"] ?? shared["query"] else {
      throw .badRequest("invalid TraceQL query: it is empty")
    }
    do throws(TraceQLError) { return try TraceQuery(text) } catch {
      throw .badRequest("invalid TraceQL query: \(error.message)")
    }
  }

  /// From `since` before the end, an hour when it is not there.
  func bounds() throws(TempoFault) -> (start: Timestamp, end: Timestamp) {
    var since = TimeSpan.hours(1)
    if let text = shared["since"] {
      guard let span = TraceQLDuration.parse(text) else {
        throw .badRequest("could not parse 'since' parameter: not a valid duration: \"\(text)\"")
      }
      since = span
    }
    let end = try time("end") ?? now
    let start = try time("start") ?? min(end, now) - since
    return (start, end)
  }

  func step(from start: Timestamp, to end: Timestamp) throws(TempoFault) -> TimeSpan {
    guard let text = shared["step"] else { return MetricsRange.defaultStep(from: start, to: end) }
    if let seconds = Double(text), seconds.isFinite, seconds > 0, seconds < 9e9 {
      return TimeSpan(nanoseconds: Int64(seconds * 1e9))
    }
    guard let span = TraceQLDuration.parse(text), span > .zero else {
      throw .badRequest("step: \"\(text)\" is not a valid duration above 0")
    }
    return span
  }

  /// What the query's hint `exemplars` says, a number or a flag, or else the parameter.
  func exemplars(_ query: TraceQuery) throws(TempoFault) -> Int {
    let asked = min(try shared.number("exemplars") ?? 0, Self.exemplarsMax)
    switch query.hints.last(where: { $0.name == "exemplars" })?.value {
    case .int(let count): return Int(min(UInt64(clamping: count), Self.exemplarsMax))
    case .bool(false): return 0
    case .bool(true): return Int(asked == 0 ? Self.exemplarsUsual : asked)
    default: return Int(asked)
    }
  }

  /// Seconds, with or without a fraction, nanoseconds, or RFC 3339.
  private func time(_ name: String) throws(TempoFault) -> Timestamp? {
    guard let text = shared[name] else { return nil }
    if text.contains("."), let seconds = Double(text), abs(seconds) < 9e9 {
      return Timestamp(nanoseconds: Int64((seconds * 1000).rounded()) * 1_000_000)
    }
    if let number = Int64(text) {
      return text.utf8.count <= 10
        ? Timestamp(seconds: number) : Timestamp(nanoseconds: number)
    }
    do throws(GoTimeError) {
      let layout = GoTimeLayout("2006-01-02T15:04:05.999999999Z07:00")
      return Timestamp(nanoseconds: try layout.parse(text).unixNanoseconds)
    } catch {
      throw .badRequest("could not parse '\(name)' parameter: \(error.message)")
    }
  }
}

/// The answers of `/api/metrics/…`.
private enum TempoMetricsAnswer {
  static func range(_ answer: TraceQLMetricsAnswer, _ range: MetricsRange) -> [UInt8] {
    write(answer) { series, json in
      json.key("samples")
      json.beginArray()
      for (step, value) in series.values.enumerated() where !value.isNaN {
        json.beginObject()
        json.key("timestampMs")
        json.quotedInt(range.time(of: step).nanoseconds / 1_000_000)
        json.key("value")
        TempoJSON.writeNumber(value, to: &json)
        json.endObject()
      }
      json.endArray()
      guard !series.exemplars.isEmpty else { return }
      json.key("exemplars")
      json.beginArray()
      for exemplar in series.exemplars {
        json.beginObject()
        json.key("labels")
        TempoJSON.writeList(
          [
            ("trace:id", .string(exemplar.trace.hex)), ("span:id", .string(exemplar.span.hex)),
          ], to: &json)
        json.key("value")
        TempoJSON.writeNumber(exemplar.value, to: &json)
        json.key("timestampMs")
        json.quotedInt(exemplar.time.nanoseconds / 1_000_000)
        json.endObject()
      }
      json.endArray()
    }
  }

  static func instant(_ answer: TraceQLMetricsAnswer) -> [UInt8] {
    write(answer) { series, json in
      guard let value = series.values.first, !value.isNaN else { return }
      json.key("value")
      TempoJSON.writeNumber(value, to: &json)
    }
  }

  private static func write(
    _ answer: TraceQLMetricsAnswer, _ values: (MetricsSeries, inout JSONWriter) -> Void
  ) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("series")
    json.beginArray()
    for series in answer.series where !series.values.allSatisfy(\.isNaN) {
      json.beginObject()
      json.key("labels")
      TempoJSON.writeList(series.labels, to: &json)
      values(series, &json)
      json.endObject()
    }
    json.endArray()
    json.key("metrics")
    json.beginObject()
    json.endObject()
    if answer.isPartial {
      json.key("status")
      json.string("PARTIAL")
      json.key("message")
      json.string("the answer has more series than one may have; some are left out")
    }
    json.endObject()
    return json.bytes
  }
}
