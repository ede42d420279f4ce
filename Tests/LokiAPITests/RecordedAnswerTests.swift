import Foundation
import LinuxIO
import LogStore
import Storage
import TelemetryModel
import Testing

@testable import LokiAPI

/// Every recorded question of a real Loki, asked in process over a real store.
@Suite struct RecordedAnswerTests {
  /// Only ever lowered.
  static let failuresAllowed = 0

  @Test(
    .enabled(if: Recorded.folder != nil, "the recorded answers are not at hand"),
    arguments: [false, true])
  func answersAsLoki(flushed: Bool) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("sluice-recorded-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let store = try await filledStore(folder.path)
    if flushed { try await store.flush() }
    let failures = try await Task.detached { try Self.ask(store, flushed: flushed) }.value
    await store.close()
    #expect(
      failures.count <= Self.failuresAllowed,
      "\(failures.count) recorded answers differ:\n\(failures.joined(separator: "\n"))")
    #expect(
      failures.count >= Self.failuresAllowed,
      "fewer differ than allowed: lower failuresAllowed to \(failures.count)")
  }

  /// The recorded rows, pushed as the recorder pushed them: 200 at a time, nothing discovered.
  private func filledStore(_ folder: String) async throws -> LogStore {
    var storage = StorageConfiguration(name: "logs", folder: folder, kind: .logs)
    storage.freeBytesMin = 0
    var limits = IntakeLimits.asTheyCome
    limits.creationGracePeriod = .hours(24 * 365 * 10)
    let store = try await LogStore.open(storage, limits: limits)
    for stream in try Recorded.streams() {
      var rest = stream.entries[...]
      while !rest.isEmpty {
        var rows = StreamRows(labels: stream.labels)
        for entry in rest.prefix(200) { rows.append(entry) }
        rest = rest.dropFirst(200)
        try await store.append(LogPush(tenant: .single, streams: [rows]))
      }
    }
    return store
  }

  private static func ask(_ store: LogStore, flushed: Bool) throws -> [String] {
    var settings = QuerySettings()
    settings.entriesMax = 100_000
    settings.seriesMax = 100_000
    let service = QueryService(source: store, index: store, settings: settings)
    var failures: [String] = []
    for recorded in try Recorded.cases() {
      // Recorded before anything was flushed: Loki's index knew no rows then.
      if flushed, recorded.path.hasSuffix("/index/stats") { continue }
      let response = service.respond(
        to: QueryAPIRequest(
          path: recorded.path, parameters: QueryParameters(recorded.parameters)))
      guard
        let why = difference(recorded, status: response.status, body: Data(response.body))
      else { continue }
      let query = recorded.parameters.first { $0.name == "query" }?.value ?? recorded.path
      failures.append("\(recorded.id) \(recorded.kind) \(query)\n    \(why.prefix(600))")
    }
    return failures
  }
}
