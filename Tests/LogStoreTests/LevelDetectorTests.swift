import Foundation
import TelemetryModel
import Testing

@testable import LogStore

@Suite struct LevelDetectorTests {
  private func level(_ line: String) -> String {
    let detector = LevelDetector(
      fields: IntakeLimits.defaultLevelFields, jsonDepthMax: 2)
    return Array(line.utf8).withUnsafeBytes { detector.level(of: $0).name }
  }

  @Test(arguments: [
    ("", "unknown"), ("level=WARN x", "warn"), ("{\"a\":{\"level\":\"error\"}}", "error"),
    ("{\"a\":{\"b\":{\"level\":\"fatal\"}}}", "fatal"), ("terror", "unknown"),
    ("no error, info only", "error"), ("misc:error", "unknown"), ("debug: x", "debug"),
    ("{\"level\":\"", "unknown"), ("{", "unknown"), ("{\"a\\\"}", "unknown"), ("=", "unknown"),
  ])
  func examples(_ line: String, _ expected: String) { #expect(level(line) == expected) }

  /// Every line of the recorded pushes, its level as Loki answered it.
  @Test func agreesWithLoki() throws {
    let file = SharedData.file("conformance/loki/defaults.jsonl")
    guard let file else {
      print("skipped: conformance data is absent")
      return
    }
    var compared = 0
    for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
      guard
        let record = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
        record["method"] as? String == "POST",
        record["name"] as? String != "detected_level in structured metadata",
        let follow = record["then"] as? [[String: Any]],
        let answer = (follow.first?["expect"] as? [String: Any])?["json"] as? [String: Any],
        let data = answer["data"] as? [String: Any],
        let streams = data["result"] as? [[String: Any]]
      else { continue }
      for stream in streams {
        guard let labels = stream["stream"] as? [String: String],
          let values = stream["values"] as? [[Any]], let expected = labels["detected_level"],
          Set(labels.keys).isSubset(of: ["c", "detected_level", "service_name"])
        else { continue }
        for value in values {
          guard let line = value[1] as? String else { continue }
          #expect(level(line) == expected, "\(line)")
          compared += 1
        }
      }
    }
    #expect(compared > 100)
  }
}
