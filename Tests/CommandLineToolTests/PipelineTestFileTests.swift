import Foundation
import Testing

@testable import CommandLineTool

/// `sluice agent test` over files as a user writes them.
@Suite struct PipelineTestFileTests {
  private func run(_ text: String, configuration: String? = nil) async throws -> (
    CommandLineTool.ExitStatus, String
  ) {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "sluice-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try text.write(
      to: folder.appending(path: "tests.yml"), atomically: true, encoding: .utf8)
    try configuration?.write(
      to: folder.appending(path: "pipeline.yml"), atomically: true, encoding: .utf8)
    let output = Recorded()
    let status = await dispatch(
      ["agent", "test", "--inspect", folder.appending(path: "tests.yml").path], root: rootCommand,
      surroundings: Surroundings(output: output, errors: output, environment: [:], now: { 0 }))
    return (status, output.text)
  }

  private static let configuration = """
    clients: [{url: "http://localhost:3100/loki/api/v1/push"}]
    scrape_configs:
      - job_name: app
        pipeline_stages:
          - json: {expressions: {level: , ts: }}
          - labels: {level: }
          - timestamp: {source: ts, format: RFC3339}
          - drop: {source: level, value: debug}
    """

  @Test func jobsOfAPromtailConfigurationAreTested() async throws {
    let (status, text) = try await run(
      """
      tests:
        - name: levels
          job: app
          input:
            - '{"level":"info","ts":"2026-11-21T06:00:00Z"}'
            - {line: '{"level":"debug"}', labels: {a: b}}
          expect:
            - {labels: {level: info}, timestamp: 2026-11-21T06:00:00Z}
          dropped: {drop_stage: 1}
      """, configuration: Self.configuration)
    #expect(status == .success)
    #expect(text == "ok      levels\n1 passed, 0 failed\n")
  }

  @Test func differencesAndStagesAreShown() async throws {
    let (status, text) = try await run(
      """
      tests:
        - name: wrong
          job: app
          input: ['{"level":"info"}', other]
          expect: [{labels: {level: warn}}]
      """, configuration: Self.configuration)
    #expect(status == .failure)
    #expect(text.contains("want {level=\"warn\"}") && text.contains("got  {level=\"info\"}"))
    #expect(text.contains("line 2, it:\n    got  other\n    want no such line"))
    #expect(text.contains("[app] pipeline_stages[0].json\n  extracted level: + info\n"))
    #expect(text.contains("1 failed"))
  }

  @Test func blocksEndByTheTestsOwnClock() async throws {
    let (status, text) = try await run(
      """
      tests:
        - pipeline_stages:
            - multiline: {firstline: ^S, max_wait_time: 2s}
            - metrics: {n: {type: Counter, config: {match_all: true, action: inc}}}
          input: [S 1, ' a', {line: ' b', after: 2s}, {line: ' c', after: 1s}]
          expect: [{line: "S 1\\n a"}, {line: " b\\n c"}]
          metrics: [promtail_custom_n 2]
      """)
    #expect(status == .success, "\(text)")
  }

  @Test(arguments: [
    ("tests: []\n", "has none"), ("tests:\n  - {job: x, input: [], expect: []}\n", "pipeline.yml"),
    ("tests:\n  - {pipeline_stages: [], input: []}\n", "`tests[0].expect` is missing"),
    ("tests:\n  - {pipeline_stages: [{jsn: }], expect: []}\n", "did you mean `json`"),
    ("tests:\n  - {pipeline_stages: [], expect: [], now: noon}\n", "must be a time"),
  ])
  func faultsAreNamed(text: String, message: String) async throws {
    let (status, shown) = try await run(text)
    #expect(status == .failure)
    #expect(shown.contains(message), "\(shown)")
  }
}
