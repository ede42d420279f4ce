import Foundation
import LogQL
import Storage
import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import LogQuery
@testable import LogStore

/// Requests to delete what passes stages: hidden at once, gone from the files after compaction, and
/// gone after the next start; what goes is what the stages let pass, one row after the other.
@Suite struct StageDeleteTests {
  private func open(_ folder: String) async throws -> LogStore {
    var storage = StorageConfiguration(name: "logs", folder: folder, kind: .logs)
    storage.freeBytesMin = 0
    storage.deleteCancelPeriod = .zero
    storage.compactionShare = 1
    storage.compactionInterval = .milliseconds(2)
    return try await LogStore.open(storage, limits: .asTheyCome)
  }

  private func times(_ store: LogStore) throws -> Set<Timestamp> {
    var found: Set<Timestamp> = []
    let scan = LogScan(tenants: [.single], matchers: [], range: .distantPast ..< .distantFuture)
    _ = try store.scan(scan) { batch in
      found.formUnion(batch.timestamps)
      return .proceed
    }
    return found
  }

  @Test(arguments: [
    #"{app=~".+"} | json | level="error""#, #"{app=~".+"} | logfmt | code > 2"#,
    #"{app="a"} |= ip("10.0.0.0/8")"#, #"{app=~".+"} |> `info<_>`"#,
    #"{app=~".+"} | json | line_format `{{.level}}` |= `info`"#, #"{app=~".+"} | tag="m" | unpack"#,
    #"{app=~".+"} | label_format z=app | z="b""#, #"{app=~".+"} | json | took > 1s"#,
  ])
  func whatPassesIsDeleted(_ query: String) async throws {
    registerStagesForDeletes()
    var random = RandomSource(seed: query.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "sluice-deletes-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    guard case .log(let selection) = try LogQL.parse(query) else { return }
    let streams = RandomLines(&random, isWellFormed: true).streams
    var left: Set<Timestamp> = []
    for stream in streams where !stream.entries.isEmpty {
      for entry in stream.entries {
        let isMeant = selection.matchers.allSatisfy {
          $0.operation == .regex || stream.labels[$0.name] == $0.value
        }
        let passes = NaivePipeline(stream.labels, entry, selection.stages, nil) != nil
        if !isMeant || !passes { left.insert(entry.timestamp) }
      }
    }
    var store = try await open(folder)
    for stream in streams where !stream.entries.isEmpty {
      var rows = StreamRows(labels: stream.labels)
      for entry in stream.entries { rows.append(entry) }
      try await store.append(LogPush(tenant: .single, streams: [rows]))
      if random.oneIn(2) { try await store.flush() }
    }
    let range = Timestamp.zero...Timestamp(seconds: 10_000)
    // Among so many others that these are asked of texts.
    for number in 0..<8 {
      let other = #"{app=~".+"} |= "no line says \#(number)""#
      _ = try await store.delete(tenant: .single, query: other, range: range)
    }
    _ = try await store.delete(tenant: .single, query: query, range: range)
    #expect(try times(store) == left, "at once")
    #expect(
      try await becomes { store.deleteRequests(tenant: .single).allSatisfy(\.isProcessed) })
    #expect(try times(store) == left, "after compaction")
    await store.close()
    store = try await open(folder)
    #expect(try times(store) == left, "after a start")
    await store.close()
  }
}
