import Foundation
import LogQL
import LogQuery
import TelemetryModel
import TestSupport

/// Random queries over labels `app`, `host` and fields that random rows have.
struct RandomQueries {
  private func pick(_ items: [String], _ random: inout RandomSource) -> String {
    items[Int.random(in: items.indices, using: &random)]
  }

  private func randomStages(_ random: inout RandomSource) -> String {
    var stages = pick(
      [
        "| json", "| json", "| logfmt", "| json level, latency",
        "| json lvl=\"level\", code, latency",
        "", "|= `info` | json", "| json | logfmt", "| json tag, host, level, code, latency",
        "| json level, took=\"a.b\"", "| json | a_b!=\"\"", "| logfmt --strict",
        "| json list=\"list[0]\", level",
      ], &random)
    for _ in 0..<Int.random(in: 0...2, using: &random) {
      stages += pick(
        [
          " | level=\"error\"", " | level!=\"info\"", " | level=~\"err.*|info\"", " | level=\"\"",
          " | code >= 3", " | latency > 1 | code < 40", " | latency > 2", " | tag=\"meta\"",
          " | host=\"x\"", " | level=\"info\" or code > 2", " | took > 1s", " | level=~\"w.*\"",
          " | level!~\"i.+o\"", " | host=\"inside\"", " | tag!=\"line\"", " | level=~\".+\"",
          " | code == 2 and level != \"warn\"", " | drop level", " | keep level, code, latency",
          " | label_format lvl=level", " | label_format z=`{{.level}}-{{.code}}`",
          " | drop latency=\"1.25\"", " | label_format code=latency", " !~ `4.`",
        ], &random)
    }
    if random.oneIn(2) { stages += " | __error__=\"\"" }
    return stages
  }

  func query(_ random: inout RandomSource) -> String {
    let stages = "{app=~\".+\"} " + randomStages(&random)
    let span = pick(["30s", "2m", "1m", "45s"], &random)
    let grouping = pick(
      [
        "by (level)", "by (host, level)", "by (lvl, code)", "", "by (tag)", "by (z)",
        "without (took)",
      ],
      &random)
    switch Int.random(in: 0..<6, using: &random) {
    case 0:
      let function = pick(["count_over_time", "rate", "bytes_over_time", "bytes_rate"], &random)
      return "sum \(grouping) (\(function)(\(stages) [\(span)]))"
    case 1: return "topk(2, sum \(grouping) (count_over_time(\(stages) [\(span)])))"
    case 2:
      let function = pick(
        [
          "avg_over_time(", "min_over_time(", "max_over_time(", "quantile_over_time(0.7,",
          "first_over_time(", "last_over_time(", "stddev_over_time(",
        ], &random)
      let unwrap = pick(["latency", "code", "duration(took)", "bytes(code)", "host"], &random)
      let behind = pick(["", " | __error__=\"\"", " | latency > 1", " | level=\"info\""], &random)
      return "\(function) \(stages) | unwrap \(unwrap)\(behind) [\(span)]) \(grouping)"
    case 3:
      let unwrap = pick(["latency", "code"], &random)
      return "sum \(grouping) (sum_over_time(\(stages) | unwrap \(unwrap) [\(span)]))"
    case 4: return "absent_over_time(\(stages) [\(span)])"
    default: return stages
    }
  }
}

enum RandomRuns {
  /// How many random questions a test asks.
  static func count(usual: Int) -> Int {
    ProcessInfo.processInfo.environment["SLUICE_RANDOM_QUERIES"].flatMap { Int($0) } ?? usual
  }

  /// An answer written out, numbers to ten digits.
  static func text(
    of request: QueryRequest, _ source: any LogRowSource, _ limits: QueryLimits
  ) -> String {
    let result: QueryResult
    do {
      result = try QueryEngine(source: source).answer(request, limits: limits)
    } catch {
      return "error: \(error.message)"
    }
    func lines(_ series: [ResultSeries]) -> String {
      series.map { one in
        let points = one.points.map { "\($0.time.nanoseconds)=\(rounded($0.value))" }
        return "\(one.labels.description) \(points.joined(separator: " "))"
      }.joined(separator: "\n")
    }
    switch result.value {
    case .streams(let streams):
      return streams.map { stream in
        let entries = stream.entries.map {
          "\($0.timestamp.nanoseconds) \(String(decoding: $0.line, as: UTF8.self))"
        }
        return "\(stream.labels.description)\n\(entries.joined(separator: "\n"))"
      }.joined(separator: "\n")
    case .vector(let series), .matrix(let series): return lines(series)
    case .scalar(let point): return "\(point.value)"
    }
  }

  private static func rounded(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    let scale = pow(10, Double(9 - Int(Double(value.exponent) * 0.30103)))
    return "\((value * scale).rounded() / scale)"
  }
}
