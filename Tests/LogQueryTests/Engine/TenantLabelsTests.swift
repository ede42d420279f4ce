import Foundation
import LogQL
import LogStore
import Storage
import TelemetryModel
import Testing
import WireFormats

@testable import LogQuery

/// Questions to several tenants at once. What is expected was asked of a real Loki with
/// `multi_tenant_queries_enabled`.
@Suite struct TenantLabelsTests {
  private func store(_ folder: String) async throws -> LogStore {
    var storage = StorageConfiguration(name: "logs", folder: folder, kind: .logs)
    storage.freeBytesMin = 0
    let store = try await LogStore.open(storage, limits: .asTheyCome)
    for name in ["a", "b", "c"] {
      guard let tenant = TenantID(name) else { continue }
      var x = StreamRows(labels: Labels([Label("app", "x"), Label("env", name)]))
      x.append(LogEntry(timestamp: Timestamp(seconds: 10), line: Array("tenant=\(name)".utf8)))
      var y = StreamRows(
        labels: Labels([Label("app", "y"), Label("__tenant_id__", "fake\(name)")]))
      y.append(LogEntry(timestamp: Timestamp(seconds: 20), line: Array("other".utf8)))
      try await store.append(LogPush(tenant: tenant, streams: [x, y]))
    }
    return store
  }

  @Test func matchersChooseAmongTenants() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "sluice-tenants-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let store = try await store(folder)
    let labelled = TenantLabels(source: store, index: store)
    let tenants = ["a", "b", "c"].compactMap { TenantID($0) }
    let x = { (names: String...) in
      names.map { "{__tenant_id__=\"\($0)\", app=\"x\", env=\"\($0)\"}" }
    }
    let y = { (names: String...) in
      names.map { "{__tenant_id__=\"\($0)\", app=\"y\", original___tenant_id__=\"fake\($0)\"}" }
    }
    let cases: [(String, [String])] = [
      (#"{app="x"}"#, x("a", "b", "c")),
      (#"{app=~".+"}"#, x("a") + y("a") + x("b") + y("b") + x("c") + y("c")),
      (#"{app="x",__tenant_id__="a"}"#, x("a")),
      (#"{app="x",__tenant_id__!="a"}"#, x("b", "c")),
      (#"{app="x",__tenant_id__=~"a|c"}"#, x("a", "c")),
      (#"{app="x",__tenant_id__!~"a"}"#, x("b", "c")),
      (#"{app="x",__tenant_id__="zz"}"#, []),
      (#"{app="y"}"#, y("a", "b", "c")),
      (#"{app="x"} | __tenant_id__="a""#, x("a")),
      (#"{app="y"} | original___tenant_id__="fakeb""#, y("b")),
    ]
    for (query, want) in cases {
      let answer = try QueryEngine(source: labelled).answer(
        QueryRequest(
          tenants: tenants, expression: try LogQL.parse(query), start: .zero,
          end: Timestamp(seconds: 100), step: .seconds(1), limit: 100, direction: .forward))
      guard case .streams(let streams) = answer.value else { continue }
      #expect(streams.map(\.labels.description) == want, "\(query)")
    }
    await store.close()
  }
}
