import LogQL
import TelemetryModel
import Testing

@testable import LogQuery

/// Labels that stages made empty: where they stay and where they go, as a Loki (3.8) answered to
/// the same lines.
@Suite struct EmptyLabelTests {
  private static let source = MemoryRows([
    (
      ["app": "c", "level": "stream"],
      [LogEntry(timestamp: Timestamp(seconds: 50), line: Array("info job".utf8))]
    ),
    (
      ["app": "d", "code": "7"],
      [LogEntry(timestamp: Timestamp(seconds: 60), line: Array("{}".utf8))]
    ),
  ])
  private static let count = #"count_over_time({app=~"c|d"} | label_format level=`` [2m])"#
  private static let dropped =
    #"count_over_time({app=~"c|d"} | label_format level=`` | drop tag [2m])"#
  private static let one = #"count_over_time({app="c"} | label_format level=`` [2m])"#

  @Test(arguments: [
    (count, #"{app="c", level=""} {app="d", code="7", level=""}"#),
    ("sum by (level, app) (\(count))", #"{app="c", level=""} {app="d", level=""}"#),
    ("sum without (code) (\(count))", #"{app="c"} {app="d"}"#),
    ("max without (code) (\(count))", #"{app="c"} {app="d"}"#),
    ("max by (level, app) (\(count))", #"{app="c", level=""} {app="d", level=""}"#),
    ("topk(1, \(one))", #"{app="c", level=""}"#),
    (dropped, #"{app="c"} {app="d", code="7"}"#),
    ("sum by (level, app) (\(dropped))", #"{app="c", level=""} {app="d", level=""}"#),
    ("max by (level, app) (\(dropped))", #"{app="c"} {app="d"}"#),
    ("topk(1, \(dropped) > 0)", #"{app="c"}"#),
    ("\(one) + on (app, level) group_left () \(one)", #"{app="c"}"#),
    ("\(one) + ignoring (code) \(one)", #"{app="c"}"#),
    (
      "sum by (level, app) (\(one)) or sum by (level, app) (\(one))",
      #"{app="c", level=""}"#
    ),
    (#"label_replace(\#(one), "x", "$1", "app", "(.*)")"#, #"{app="c", x="c"}"#),
  ])
  func emptyLabelsStayWhereLokiHasThem(query: String, want: String) throws {
    let answer = try QueryEngine(source: Self.source).answer(
      .instant(tenants: [.single], try LogQL.parse(query), at: Timestamp(seconds: 100)))
    guard case .vector(let series) = answer.value else {
      Issue.record("\(query) gives no vector")
      return
    }
    #expect(series.map(\.labels.description).joined(separator: " ") == want, "\(query)")
  }

  /// What is said of an error that was dropped stays on rows that have other labels than their
  /// stream, and only there.
  @Test(arguments: [true, false]) func detailsOfADroppedErrorStay(isReversed: Bool) throws {
    var lines = [#"{"_entry":"x","a":"b"}"#, "no json", "[]"]
    if isReversed { lines.reverse() }
    let source = MemoryRows([
      (
        ["app": "a"],
        lines.enumerated().map {
          LogEntry(timestamp: Timestamp(seconds: Int64($0)), line: Array($1.utf8))
        }
      )
    ])
    let details = #"__error_details__="expecting json object(6), but it is not", "#
    for (query, want) in [
      (
        #"count_over_time({app="a"} | unpack | drop __error__ [2m])"#,
        [#"{a="b", app="a"} 1.0"#, #"{app="a"} 2.0"#]
      ),
      (
        #"count_over_time({app="a"} | label_format n=`1` | unpack | drop __error__ [2m])"#,
        [#"{\#(details)app="a", n="1"} 2.0"#, #"{a="b", app="a", n="1"} 1.0"#]
      ),
      (
        #"sum without (n) (count_over_time({app="a"} | label_format n=`1` | unpack "#
          + #"| drop __error__ [2m]))"#,
        [#"{a="b", app="a"} 1.0"#, #"{app="a"} 2.0"#]
      ),
      (
        #"sum_over_time({app="a"} | label_format n=`1` | unpack | drop __error__ | unwrap n [2m])"#,
        [#"{a="b", app="a"} 1.0"#, #"{app="a"} 2.0"#]
      ),
    ] {
      let answer = try QueryEngine(source: source).answer(
        .instant(tenants: [.single], try LogQL.parse(query), at: Timestamp(seconds: 100)))
      guard case .vector(let series) = answer.value else {
        Issue.record("\(query) gives no vector")
        continue
      }
      let texts = series.map { "\($0.labels.description) \($0.points[0].value)" }
      #expect(texts.sorted() == want.sorted(), "\(query)")
    }
  }
}
