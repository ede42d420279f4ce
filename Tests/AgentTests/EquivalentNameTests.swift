import Bytes
import Foundation
import TelemetryModel
import TestSupport
import Testing

/// Files whose names are equivalent to Unicode and other bytes are files of their own.
@Suite struct EquivalentNameTests {
  /// The last ones begin with a mark that stands on the slash, and end in what looks like a copy.
  private static let names =
    EquivalentTexts.groups[0] + EquivalentTexts.groups[1] + ["\u{301}x", "\u{e9}.1"]

  private static func append(_ lines: Range<Int>, to name: String, _ rig: AgentRig) throws {
    let file = try #require(fopen("\(rig.folder)/\(name).log", "a"))
    for line in lines { fputs("\(Hex.encode(Array(name.utf8))) \(line)\n", file) }
    fclose(file)
  }

  /// The lines that came under each file's name.
  private static func lines(_ sink: PushSink) -> [[UInt8]: [String]] {
    Dictionary(grouping: sink.entries) { Array(($0.labels["filename"] ?? "").utf8) }
      .mapValues { $0.map(\.line).sorted() }
  }

  @Test func eachHasItsLinesAndItsPosition() async throws {
    let rig = AgentRig()
    let sink = PushSink()
    defer { sink.close() }
    let configuration = try rig.configuration(
      clients: rig.client(sink),
      scrapes: """
            - job_name: app
              static_configs:
                - targets: [localhost]
                  labels: {job: app, __path__: "\(rig.folder)/*.log"}
        """)
    var count = 0
    for run in 0..<3 {
      for (place, name) in Self.names.enumerated() {
        try Self.append(run * 10..<run * 10 + 4 + place, to: name, rig)
        count += 4 + place
      }
      // The last run has Promtail's file alone.
      if run == 2 {
        try FileManager.default.removeItem(atPath: "\(rig.folder)/state/positions.yaml.d")
      }
      try await rig.run(configuration) {
        #expect(await rig.eventually { sink.lines.count >= count })
        try Self.append(run * 10 + 9..<run * 10 + 10, to: Self.names[0], rig)
        count += 1
        #expect(await rig.eventually { sink.lines.count >= count })
      }
    }
    var expected: [[UInt8]: [String]] = [:]
    for (place, name) in Self.names.enumerated() {
      var own: [Int] = []
      for run in 0..<3 {
        own += run * 10..<run * 10 + 4 + place
        if place == 0 { own.append(run * 10 + 9) }
      }
      expected[Array("\(rig.folder)/\(name).log".utf8)] =
        own.map { (line: Int) -> String in "\(Hex.encode(Array(name.utf8))) \(line)" }.sorted()
    }
    #expect(Self.lines(sink) == expected)
  }
}
