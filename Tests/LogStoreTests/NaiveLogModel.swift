import Foundation
import Regex
import TelemetryModel
import TestSupport

@testable import LogStore

/// What a log store is, without any art: a list of rows, each once.
struct NaiveLogModel {
  struct Row: Hashable {
    var tenant: TenantID
    var labels: Labels
    var entry: LogEntry
  }

  private(set) var rows: [Row] = []
  private var known: Set<Row> = []

  mutating func append(_ tenant: TenantID, _ streams: [StreamRows]) {
    for stream in streams {
      for index in 0..<stream.count {
        let row = Row(tenant: tenant, labels: stream.labels, entry: stream.entry(index))
        if known.insert(row).inserted { rows.append(row) }
      }
    }
  }

  func scan(_ scan: LogScan) -> Set<Row> {
    Set(
      rows.filter { row in
        scan.tenants.contains(row.tenant) && scan.range.contains(row.entry.timestamp)
          && scan.matchers.allSatisfy { Self.holds($0, row.labels) }
          && scan.requiredLiterals.allSatisfy { Self.contains(row.entry.line, $0) }
          && scan.conditions.allSatisfy { Self.holds($0, row.entry.line) }
      })
  }

  static func contains(_ line: [UInt8], _ literal: [UInt8]) -> Bool {
    guard line.count >= literal.count else { return false }
    return (0...(line.count - literal.count)).contains {
      Array(line[$0..<($0 + literal.count)]) == literal
    }
  }

  private static func holds(_ condition: LineCondition, _ line: [UInt8]) -> Bool {
    let text = String(decoding: line, as: UTF8.self)
    let holds = condition.anyOf.contains { test in
      switch test {
      case .contains(let literal): contains(line, literal)
      case .equals(let literal): line == literal
      case .matches(let regex): text.range(of: regex.pattern, options: .regularExpression) != nil
      case .holds(let body, _): line.withUnsafeBytes { body($0) }
      }
    }
    return holds != condition.isNegated
  }

  private static func holds(_ matcher: LabelMatcher, _ labels: Labels) -> Bool {
    let value = labels[matcher.name] ?? ""
    switch matcher.operation {
    case .equal: return value == matcher.value
    case .notEqual: return value != matcher.value
    case .regex: return isWholeMatch(value, matcher.value)
    case .notRegex: return !isWholeMatch(value, matcher.value)
    }
  }

  private static func isWholeMatch(_ value: String, _ pattern: String) -> Bool {
    let regex = try? NSRegularExpression(pattern: "^(?:\(pattern))$")
    let all = NSRange(location: 0, length: value.utf16.count)
    return regex?.firstMatch(in: value, range: all) != nil
  }
}

/// Random pushes and questions over few labels, times and words, so that they often meet.
struct RandomLogs {
  var numbers: RandomSource
  static let tenants = ["a", "b"].compactMap { TenantID($0) }

  mutating func streams() -> [StreamRows] {
    (0..<Int.random(in: 1...3, using: &numbers)).map { _ in
      var rows = StreamRows(labels: labels())
      var time = Int64.random(in: 0...1000, using: &numbers)
      for _ in 0..<Int.random(in: 0...12, using: &numbers) {
        time += Int64.random(in: -2...9, using: &numbers)
        rows.append(
          LogEntry(
            timestamp: Timestamp(nanoseconds: time), line: line(),
            structuredMetadata: Int.random(in: 0..<4, using: &numbers) == 0
              ? [Label("k", "\(Int.random(in: 0...2, using: &numbers))")] : []))
      }
      return rows
    }
  }

  mutating func labels() -> Labels {
    var labels = [Label("app", ["api", "db", "web"].randomElement(using: &numbers) ?? "")]
    if Bool.random(using: &numbers) {
      labels.append(Label("env", ["prod", "dev"].randomElement(using: &numbers) ?? ""))
    }
    return Labels(labels)
  }

  mutating func line() -> [UInt8] {
    let words = ["error", "ok", "err", "slow", "x", "", "\u{e9}", "errorerror"]
    return (0..<Int.random(in: 0...3, using: &numbers)).flatMap { _ in
      Array((words.randomElement(using: &numbers) ?? "").utf8)
    }
  }

  mutating func matchers() -> [LabelMatcher] {
    let choices = [
      LabelMatcher("app", .equal, "api"), LabelMatcher("app", .notEqual, "api"),
      LabelMatcher("app", .regex, "api|db"), LabelMatcher("app", .regex, "a.*|w.b"),
      LabelMatcher("app", .notRegex, "d.*"), LabelMatcher("env", .equal, ""),
      LabelMatcher("env", .notEqual, ""), LabelMatcher("env", .regex, "prod|"),
      LabelMatcher("env", .notRegex, ".+"), LabelMatcher("none", .equal, "x"),
      LabelMatcher("none", .notEqual, "x"), LabelMatcher("env", .regex, ".*"),
    ]
    return (0..<Int.random(in: 0...2, using: &numbers)).compactMap { _ in
      choices.randomElement(using: &numbers)
    }
  }

  mutating func scan() -> LogScan {
    let low = Int64.random(in: -10...1100, using: &numbers)
    let high = low + Int64.random(in: 0...900, using: &numbers)
    let literals: [[UInt8]] =
      Int.random(in: 0..<3, using: &numbers) == 0
      ? [["error", "rr", "\u{e9}", "absent", ""].randomElement(using: &numbers) ?? ""]
        .map { Array($0.utf8) } : []
    var scan = LogScan(
      tenants: Bool.random(using: &numbers)
        ? Self.tenants : [Self.tenants.randomElement(using: &numbers) ?? .single],
      matchers: matchers(),
      range: Timestamp(nanoseconds: low)..<Timestamp(nanoseconds: high),
      order: Bool.random(using: &numbers) ? .newestFirst : .oldestFirst,
      requiredLiterals: literals)
    if Int.random(in: 0..<3, using: &numbers) == 0 { scan.conditions = conditions() }
    return scan
  }

  mutating func conditions() -> [LineCondition] {
    (0..<Int.random(in: 1...2, using: &numbers)).map { _ in
      var tests: [LineCondition.Test] = []
      for _ in 0..<Int.random(in: 1...2, using: &numbers) {
        let text = Array(
          (["error", "rr", "ok", "x", "\u{e9}", "", "low", "zz"]
            .randomElement(using: &numbers) ?? "").utf8)
        let patterns = ["er+", "^ok", "slow|x", "o.*r$", "err(or)?x"]
        let regex = try? Regex(patterns.randomElement(using: &numbers) ?? "")
        switch Int.random(in: 0..<4, using: &numbers) {
        case 0: tests.append(regex.map { .matches($0) } ?? .contains(text))
        case 1: tests.append(.equals(text))
        case 2: tests.append(.holds({ $0.count > 4 }, literal: nil))
        default: tests.append(.contains(text))
        }
      }
      return LineCondition(tests, isNegated: Int.random(in: 0..<3, using: &numbers) == 0)
    }
  }
}
