import Foundation
import LogQL
import LogQuery
import TelemetryModel
import TestSupport

/// Random queries over labels `app`, `host` and fields that random rows have.
struct RandomQueries {
  func randomStages(_ random: inout RandomSource) -> String {
    var stages = random.pick(
      [
        "| json", "| json", "| logfmt", "| json level, latency",
        "| json lvl=\"level\", code, latency",
        "", "|= `info` | json", "| json | logfmt", "| json tag, host, level, code, latency",
        "| json level, took=\"a.b\"", "| json | a_b!=\"\"", "| logfmt --strict",
        "| json list=\"list[0]\", level", "| logfmt --keep-empty", "| logfmt lvl=\"level\", code",
        "| logfmt --strict lvl=\"level\", tag", "| unpack", "| unpack | logfmt", "| unpack | json",
        "| regexp \"code\\\\W+(?P<code>[0-9]+)\"", "| regexp \"(?P<level>info|error)\"",
        "| pattern \"<ip> - - [<_>] \\\"<method> <path> <_>\\\" <code> <_>\"",
        "| pattern \"info job <code> took <took> on <host>\"", "| pattern \"<level>=<lvl> <rest>\"",
        "|= ip(\"10.0.0.0/8\") | pattern \"<ip> <_>\"", "|> `<_>info<_>` | logfmt",
        "| decolorize | logfmt", "!> `{<_>` | json", "|= `info` or `error` | json",
        "|~ `(?i)INFO|job` | logfmt", "| json x=\"a.b\", code", "| line_format `{{.app}}` | json",
      ])
    for _ in 0..<Int.random(in: 0...2, using: &random) {
      stages += random.pick(
        [
          " | level=\"error\"", " | level!=\"info\"", " | level=~\"err.*|info\"", " | level=\"\"",
          " | code >= 3", " | latency > 1 | code < 40", " | latency > 2", " | tag=\"meta\"",
          " | host=\"x\"", " | level=\"info\" or code > 2", " | took > 1s", " | level=~\"w.*\"",
          " | level!~\"i.+o\"", " | host=\"inside\"", " | tag!=\"line\"", " | level=~\".+\"",
          " | code == 2 and level != \"warn\"", " | drop level", " | keep level, code, latency",
          " | label_format lvl=level", " | label_format z=`{{.level}}-{{.code}}`",
          " | took >= 2s or code < 3", " | ip=ip(\"10.0.0.0/16\")", " | ip!=ip(\"::1\")",
          " | level=\"info\" and (code > 1 or tag=\"m\")", " | size > 1KB", " | lvl=\"info\"",
          " | __error__=\"JSONParserErr\"", " | drop __error__", " | keep app, level=\"info\"",
          " | line_format `{{.level | ToUpper}} {{__line__ | trunc 5}}`", " | decolorize",
          " | label_format level=`{{ if eq .code \"3\" }}three{{ else }}{{.level}}{{ end }}`",
          " | drop level=~\"i.*\", host", " |= `o`", " | line_format `{{.code}}` |= `4`",
          " | label_format app=host, host=`{{.app}}`", " | level_extracted=\"info\"",
          " | drop latency=\"1.25\"", " | label_format code=latency", " !~ `4.`",
        ])
    }
    if random.oneIn(2) { stages += " | __error__=\"\"" }
    return stages
  }

  /// A metric query over rows without errors.
  func flawless(_ random: inout RandomSource) -> String {
    let stages = "{app=~\".+\"} " + randomStages(&random) + " | __error__=\"\""
    let grouping = random.pick(
      ["by (level)", "by (app)", "", "without (app)", "by (code, host)"])
    if random.oneIn(2) {
      let function = random.pick(["count_over_time", "rate", "bytes_over_time", "bytes_rate"])
      return "sum \(grouping) (\(function)(\(stages) [2m]))"
    }
    let function = random.pick(
      ["avg_over_time", "min_over_time", "max_over_time", "stddev_over_time", "last_over_time"])
    let unwrap = random.pick(["latency", "code", "duration(took)", "bytes(code)"])
    return "\(function)(\(stages) | unwrap \(unwrap) | __error__=\"\" [2m]) \(grouping)"
  }

  func query(_ random: inout RandomSource) -> String {
    let stages = "{app=~\".+\"} " + randomStages(&random)
    let span = random.pick(["30s", "2m", "1m", "45s"])
    let grouping = random.pick(
      [
        "by (level)", "by (host, level)", "by (lvl, code)", "", "by (tag)", "by (z)",
        "without (took)", "by (app, level_extracted)", "by ()", "without ()", "by (ip, x)",
      ])
    switch Int.random(in: 0..<8, using: &random) {
    case 0:
      let function = random.pick(["count_over_time", "rate", "bytes_over_time", "bytes_rate"])
      return "sum \(grouping) (\(function)(\(stages) [\(span)]))"
    case 1: return "topk(2, sum \(grouping) (count_over_time(\(stages) [\(span)])))"
    case 2:
      let function = random.pick(
        [
          "avg_over_time(", "min_over_time(", "max_over_time(", "quantile_over_time(0.7,",
          "first_over_time(", "last_over_time(", "stddev_over_time(",
        ])
      let unwrap = random.pick(["latency", "code", "duration(took)", "bytes(code)", "host"])
      let behind = random.pick(["", " | __error__=\"\"", " | latency > 1", " | level=\"info\""])
      return "\(function) \(stages) | unwrap \(unwrap)\(behind) [\(span)]) \(grouping)"
    case 3:
      let unwrap = random.pick(["latency", "code"])
      return "sum \(grouping) (sum_over_time(\(stages) | unwrap \(unwrap) [\(span)]))"
    case 4: return "absent_over_time(\(stages) [\(span)])"
    case 5:
      let other = "{app=~\".+\"} " + randomStages(&random)
      let operation = random.pick(["/", "-", "> bool", "and", "unless", "or", "=="])
      let matching = random.pick(["", "on (level)", "ignoring (app)"])
      return "sum by (level) (count_over_time(\(stages) [\(span)])) \(operation) \(matching) "
        + "sum by (level) (count_over_time(\(other) [1m] offset 30s))"
    case 6:
      let outer = random.pick(["avg", "max", "stddev", "bottomk", "sort"])
      let number = outer == "bottomk" ? "3, " : ""
      return "\(outer)(\(number)rate(\(stages) [\(span)]) * 2)"
    default: return stages
    }
  }
}

enum RandomRuns {
  /// How many random questions a test asks.
  static func count(usual: Int) -> Int {
    ProcessInfo.processInfo.environment["SLUICE_RANDOM_QUERIES"].flatMap { Int($0) } ?? usual
  }

  /// Where the seeds of random questions begin.
  static var seed: UInt64 {
    ProcessInfo.processInfo.environment["SLUICE_RANDOM_SEED"].flatMap { UInt64($0) } ?? 0
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
