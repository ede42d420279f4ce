import Foundation
import LogSources
import Pipeline
import TelemetryModel
import Testing

/// Lines of containers that come in parts.
@Suite struct PartialLineTests {
  private static func time(of body: () -> Void) -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let start = now()
    body()
    return now() - start
  }

  private static func line(_ flag: String, _ text: String) -> String {
    "2026-11-21T10:00:00.5Z stdout \(flag) \(text)"
  }

  /// Every part was copied once for each part behind it.
  @Test func veryManyPartsAreJoinedInOneGo() throws {
    let rig = try PipelineRig("- cri: {}")
    let text = String(repeating: "x", count: 100)
    let part = Self.line("P", text)
    var out: [PipelineRig.Output] = []
    let parts = 45_000
    let seconds = Self.time {
      for _ in 0..<parts { out += rig.run(part) }
      out += rig.run(Self.line("F", "end"))
    }
    #expect(out.map(\.line) == [String(repeating: text, count: parts) + "end"])
    #expect(seconds < 10, "\(seconds) s of processor time")
  }

  /// An endless line does not hold back more lines than a position can tell of.
  @Test func partsThatAreHeldHaveALimit() throws {
    let rig = try PipelineRig("- cri: {}")
    let part = Self.line("P", "x")
    var out: [PipelineRig.Output] = []
    var mostHeld = 0
    for number in 0..<120_000 {
      out += rig.run(part)
      guard number % 10_000 == 9_999 else { continue }
      var held = 0
      rig.pipeline.heldOrigins { _ in held += 1 }
      mostHeld = max(mostHeld, held)
    }
    #expect(mostHeld <= 50_000 && !out.isEmpty)
    out += rig.run(Self.line("F", "end"))
    #expect(out.map(\.line).joined() == String(repeating: "x", count: 120_000) + "end")
  }

  /// Each stream's line is its own, with time and labels of its last part.
  @Test func partsOfStreamsDoNotMix() throws {
    let rig = try PipelineRig("- cri: {}")
    var out: [PipelineRig.Output] = []
    for (stream, flag, text) in [
      ("stdout", "P", "a"), ("stderr", "P", "1"), ("stdout", "P", "b"), ("stderr", "F", "2"),
      ("stdout", "F", "c"), ("stdout", "F", "whole"),
    ] {
      out += rig.run("2026-11-21T10:00:0\(out.count).5Z \(stream) \(flag) \(text)")
    }
    #expect(out.map(\.line) == ["12", "abc", "whole"])
    #expect(out.map { $0.labels["stream"] } == ["stderr", "stdout", "stdout"])
  }
}
