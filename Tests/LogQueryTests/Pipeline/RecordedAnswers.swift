import Foundation
import TelemetryModel

/// The answers of a real Loki that lie beside the repository, and the rows that they are about.
struct RecordedAnswers {
  struct Case {
    var query: String
    var start: Int64
    var end: Int64
    var limit: Int
    var isBackward: Bool
    /// Entries for each label set, both as JSON text with sorted keys.
    var streams: [[String: String]: [[String]]]
  }

  struct Row {
    var labels: Labels
    var timestamp: Int64
    var line: String
    var metadata: [Label]
  }

  var cases: [Case] = []
  var rows: [Row] = []

  static let folder: URL = {
    if let path = ProcessInfo.processInfo.environment["SLUICE_SHARED"] {
      return URL(filePath: path).appending(path: "conformance")
    }
    var root = URL(filePath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    // Beside the repository, or beside a folder of worktrees.
    for up in ["../shared", "../../shared"] {
      let folder = root.appending(path: up).standardizedFileURL
      if FileManager.default.fileExists(atPath: folder.path()) {
        return folder.appending(path: "conformance")
      }
    }
    return root.appending(path: "../shared/conformance")
  }()

  /// nil, with a message, where the recordings are absent.
  static func load() throws -> RecordedAnswers? {
    let dataset = folder.appending(path: "dataset.json")
    guard let data = try? Data(contentsOf: dataset) else {
      print("skipped: no recorded answers in \(folder.path())")
      return nil
    }
    var answers = RecordedAnswers()
    let top = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    for stream in top?["streams"] as? [[String: Any]] ?? [] {
      let labels = Labels(
        (stream["stream"] as? [String: String] ?? [:]).map { Label($0.key, $0.value) })
      for value in stream["values"] as? [[Any]] ?? [] {
        guard value.count >= 2, let time = value[0] as? String, let line = value[1] as? String
        else { continue }
        let metadata = value.count > 2 ? value[2] as? [String: String] ?? [:] : [:]
        answers.rows.append(
          Row(
            labels: labels, timestamp: Int64(time) ?? 0, line: line,
            metadata: metadata.sorted { $0.key < $1.key }.map { Label($0.key, $0.value) }))
      }
    }
    for line in try unpacked().split(separator: UInt8(ascii: "\n")) {
      guard let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
        let recorded = Case(object)
      else { continue }
      answers.cases.append(recorded)
    }
    return answers
  }

  private static func unpacked() throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc", folder.appending(path: "dev.jsonl.gz").path()]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return [UInt8](data)
  }
}

extension RecordedAnswers.Case {
  /// nil for cases that are not about log lines.
  fileprivate init?(_ object: [String: Any]) {
    guard object["kind"] as? String == "range", let expect = object["expect"] as? [String: Any],
      expect["status"] as? Int == 200, let body = expect["body"] as? [String: Any],
      let data = body["data"] as? [String: Any], data["resultType"] as? String == "streams",
      let parameters = object["params"] as? [String: Any],
      let query = parameters["query"] as? String
    else { return nil }
    self.query = query
    func number(_ name: String) -> Int64? {
      (parameters[name] as? NSNumber)?.int64Value ?? Int64(parameters[name] as? String ?? "")
    }
    // Other forms of time belong to the API's tests.
    guard let start = number("start"), let end = number("end"), start > 1 << 60 else { return nil }
    self.start = start
    self.end = end
    limit = Int(number("limit") ?? 100)
    isBackward = parameters["direction"] as? String != "forward"
    streams = [:]
    for stream in data["result"] as? [[String: Any]] ?? [] {
      guard let labels = stream["stream"] as? [String: String] else { continue }
      for value in stream["values"] as? [[Any]] ?? [] {
        streams[labels, default: []].append(value.prefix(2).map { "\($0)" })
      }
    }
  }
}
