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
    guard case .vector(let series) = answer.value else { return }
    #expect(series.map(\.labels.description).joined(separator: " ") == want, "\(query)")
  }
}
