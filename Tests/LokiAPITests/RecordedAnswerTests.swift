import Foundation
import TelemetryModel
import Testing

@testable import LokiAPI

/// Every recorded question of a real Loki, asked in process.
@Suite struct RecordedAnswerTests {
  /// Only ever lowered.
  static let failuresAllowed = 62

  @Test(.enabled(if: Recorded.folder != nil, "the recorded answers are not at hand"))
  func answersAsLoki() throws {
    let rows = MemoryRows(try Recorded.streams())
    var settings = QuerySettings()
    settings.entriesMax = 100_000
    settings.seriesMax = 100_000
    let service = QueryService(source: rows, index: rows, settings: settings)
    var failures: [String] = []
    var kinds: [String: (passed: Int, all: Int)] = [:]
    for recorded in try Recorded.cases() {
      let response = service.respond(
        to: QueryAPIRequest(
          path: recorded.path, parameters: QueryParameters(recorded.parameters)))
      let why = difference(recorded, status: response.status, body: Data(response.body))
      kinds[recorded.kind, default: (0, 0)].all += 1
      if let why {
        let query = recorded.parameters.first { $0.name == "query" }?.value ?? recorded.path
        failures.append("\(recorded.id) \(recorded.kind) \(query)\n    \(why.prefix(600))")
      } else {
        kinds[recorded.kind, default: (0, 0)].passed += 1
      }
    }
    let summary = kinds.sorted { $0.key < $1.key }
      .map { "\($0.key) \($0.value.passed)/\($0.value.all)" }.joined(separator: ", ")
    if ProcessInfo.processInfo.environment["SLUICE_SHOW_FAILURES"] != nil {
      print(failures.joined(separator: "\n"))
      print(summary)
    }
    #expect(
      failures.count <= Self.failuresAllowed,
      "\(failures.count) of the recorded answers differ: \(summary)\n\(failures.joined(separator: "\n"))"
    )
    #expect(
      failures.count >= Self.failuresAllowed,
      "fewer fail than allowed: lower failuresAllowed to \(failures.count)")
  }
}
