import Foundation
import Pipeline
import TelemetryModel
import Testing
import WireFormats

/// Replays what Promtail's own stages and Prometheus's relabelling answered.
@Suite struct RecordedCaseTests {
  private static func cases(_ file: String) throws -> [JSONValue]? {
    let shared =
      ProcessInfo.processInfo.environment["SLUICE_SHARED"].map { URL(filePath: $0) }
      ?? URL(filePath: #filePath).appending(path: "../../../../shared").standardized
    let path = shared.appending(path: "conformance/stages/\(file)")
    guard FileManager.default.fileExists(atPath: path.path) else {
      print("skipped: \(path.path) is absent")
      return nil
    }
    let folder = path.deletingLastPathComponent().path
    return try String(contentsOf: path, encoding: .utf8).split(separator: "\n").map {
      // The cases name databases by paths relative to their own folder.
      try JSONValue.parse(String($0).replacing("db: geoip/", with: "db: \(folder)/geoip/"))
    }
  }

  private static let zones = TimeZoneDatabase { path in
    (try? Data(contentsOf: URL(filePath: path))).map { Array($0) }
  }

  private func answer(_ input: JSONValue) throws -> JSONValue {
    try JSONValue.parse(runRecordedCase(Array(input.text.utf8), zones: Self.zones))
  }

  /// An entry as comparable text: labels, nanoseconds, line, sorted metadata.
  private func entries(_ value: JSONValue?, unordered: Bool) -> [String] {
    let texts = (value?.arrayValue ?? []).map { entry -> String in
      let labels = (entry["labels"]?.members ?? []).map { "\($0.key)=\($0.value.text)" }.sorted()
      let metadata = (entry["structured_metadata"]?.arrayValue ?? []).map(\.text).sorted()
      let time = (try? GoTimeLayout.rfc3339Nano.parse(entry["timestamp"]?.stringValue ?? ""))
      return "\(labels) \(time?.unixNanoseconds ?? -1) \(entry["line"]?.text ?? "") \(metadata)"
    }
    return unordered ? texts.sorted() : texts
  }

  private func problem(_ input: JSONValue) throws -> String? {
    let got = try answer(input)
    let wanted = input["expect"]
    if let error = wanted?["error"]?.stringValue {
      if ["panic:", "crash:", "gather:"].contains(where: { error.hasPrefix($0) }) { return nil }
      return got["error"]?.stringValue == nil ? "no error, wanted \(error)" : nil
    }
    if let error = got["error"]?.stringValue { return "error \(error)" }
    let unordered = input["unordered"]?.boolValue ?? false
    let theirs = entries(wanted?["entries"], unordered: unordered)
    let ours = entries(got["entries"], unordered: unordered)
    if ours != theirs {
      let at = zip(ours, theirs).enumerated().first { $1.0 != $1.1 }?.offset ?? 0
      return "\(ours.count) entries of \(theirs.count); number \(at):\n  got  "
        + "\(ours.dropFirst(at).first ?? "-")\n  want \(theirs.dropFirst(at).first ?? "-")"
    }
    let scrapes = [wanted?["metrics"]] + (wanted?["extra_scrapes"]?.arrayValue ?? [])
    let ownScrapes = [got["metrics"]] + (got["extra_scrapes"]?.arrayValue ?? [])
    guard scrapes.count == ownScrapes.count else { return "\(ownScrapes.count) scrapes" }
    for (own, wanted) in zip(ownScrapes, scrapes) {
      if let problem = metricsProblem(own?.stringValue, wanted?.stringValue) { return problem }
    }
    return nil
  }

  private func metricsProblem(_ got: String?, _ wanted: String?) -> String? {
    func samples(_ text: String?) -> Set<Substring> {
      Set((text ?? "").split(separator: "\n").filter { !$0.hasPrefix("#") })
    }
    guard let wanted, samples(got) != samples(wanted) else { return nil }
    return "metrics \(got ?? "none"), wanted \(wanted)"
  }

  @Test func stagesAnswerAsPromtail() throws {
    guard let cases = try Self.cases("stages.jsonl") else { return }
    var passed = 0
    for input in cases {
      if let problem = try problem(input) {
        let title = "\(input["id"]?.text ?? "") \(input["group"]?.text ?? "")"
        Issue.record("\(title) \(input["title"]?.text ?? ""): \(problem)")
      } else {
        passed += 1
      }
    }
    print("stages: \(passed) of \(cases.count) pass")
    #expect(passed == cases.count)
  }

  @Test func relabellingAnswersAsPrometheus() throws {
    guard let cases = try Self.cases("relabel.jsonl") else { return }
    for input in cases {
      let got = try answer(input)
      let title = input["title"]?.text ?? ""
      if input["error"]?.stringValue != nil {
        #expect(got["error"]?.stringValue != nil, "\(title): no error")
      } else {
        let ours = got["labels"]?.members.map { Set($0.map { "\($0.key)=\($0.value.text)" }) }
        let theirs = input["expect"]?.members.map { Set($0.map { "\($0.key)=\($0.value.text)" }) }
        #expect(ours == theirs, "\(title): \(got.text)")
      }
    }
  }
}
