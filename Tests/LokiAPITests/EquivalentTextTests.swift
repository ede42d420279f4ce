import Foundation
import LinuxIO
import Storage
import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import LogStore
@testable import LokiAPI

/// Labels, fields and lines that are equivalent to Unicode and other bytes: against a model that
/// knows bytes alone, in memory, flushed and merged.
@Suite struct EquivalentTextTests {
  private struct Row {
    var value: String
    var member: String
    var metadata: String
    var seconds: Int64

    var line: String { "{\"f\":\"\(member)\"}" }
  }

  /// What an answer says: keys are bytes of texts.
  private typealias Counts = [[UInt8]: Int]

  private static func counted(_ texts: [String]) -> Counts {
    Dictionary(texts.map { (Array($0.utf8), 1) }, uniquingKeysWith: +)
  }

  @Test(arguments: [1, 2] as [UInt64]) func differingBytesStayApart(seed: UInt64) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("sluice-equivalent-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var storage = StorageConfiguration(name: "logs", folder: folder.path, kind: .logs)
    storage.freeBytesMin = 0
    storage.compactionShare = 1
    storage.compactionInterval = .milliseconds(3)
    storage.checkInterval = .milliseconds(20)
    let store = try await LogStore.open(storage, limits: .asTheyCome)
    var numbers = RandomSource(seed: seed)
    var rows: [Row] = []
    let roundCount = 9
    for _ in 0..<roundCount {
      for _ in 0..<20 {
        let row = Row(
          value: EquivalentTexts.random(&numbers), member: EquivalentTexts.random(&numbers),
          metadata: EquivalentTexts.random(&numbers), seconds: Int64(1000 + rows.count))
        rows.append(row)
        var stream = StreamRows(labels: ["app": "x", "v": row.value])
        stream.append(
          LogEntry(
            timestamp: Timestamp(seconds: row.seconds), line: Array(row.line.utf8),
            structuredMetadata: [Label("m", row.metadata)]))
        try await store.append(LogPush(tenant: .single, streams: [stream]))
      }
      // Rows of the head and of segments are asked at once.
      try await Self.check(rows, store)
      try await store.flush()
    }
    try await Self.check(rows, store)
    let isMerged = try await becomes { store.engine.snapshot().segments.count < roundCount }
    #expect(isMerged)
    try await Self.check(rows, store)
    await store.close()
  }

  private static func check(_ rows: [Row], _ store: LogStore) async throws {
    var settings = QuerySettings()
    settings.entriesMax = 100_000
    let service = QueryService(source: store, index: store, settings: settings)
    try await Task.detached { try check(rows, service) }.value
  }

  private static func ask(
    _ service: QueryService, _ path: String, _ parameters: [(String, String)]
  ) throws -> JSONValue {
    let response = service.respond(
      to: QueryAPIRequest(
        path: "/loki/api/v1/\(path)",
        parameters: QueryParameters([("start", "0"), ("end", "5000000000000")] + parameters)))
    #expect(response.status == 200, "\(path) \(parameters)")
    return try JSONValue.parse(response.body)
  }

  /// The lines that a query finds.
  private static func lines(_ service: QueryService, _ query: String) throws -> Counts {
    let body = try ask(service, "query_range", [("query", query), ("limit", "5000")])
    let streams = body["data"]?["result"]?.arrayValue ?? []
    return counted(
      streams.flatMap { $0["values"]?.arrayValue ?? [] }.compactMap { $0[1]?.stringValue })
  }

  /// The samples of a query for one moment, by the text of a label.
  private static func samples(_ service: QueryService, _ query: String, by name: String) throws
    -> Counts
  {
    let body = try ask(service, "query", [("query", query), ("time", "2000")])
    var found: Counts = [:]
    for sample in body["data"]?["result"]?.arrayValue ?? [] {
      let text = sample["metric"]?[name]?.stringValue ?? ""
      #expect(found[Array(text.utf8)] == nil, "\(query): \(text) twice")
      found[Array(text.utf8)] = Int(sample["value"]?[1]?.stringValue ?? "")
    }
    return found
  }

  private static func check(_ rows: [Row], _ service: QueryService) throws {
    let values = counted(rows.map(\.value))
    let ordered = values.keys.sorted { $0.lexicographicallyPrecedes($1) }
    let shown = try ask(service, "label/v/values", [])["data"]?.arrayValue ?? []
    #expect(shown.map { Array(($0.stringValue ?? "").utf8) } == ordered)
    let series = try ask(service, "series", [("match[]", "{app=\"x\"}")])["data"]?.arrayValue ?? []
    #expect(series.map { Array(($0["v"]?.stringValue ?? "").utf8) } == ordered)
    let labels = try ask(service, "detected_labels", [])["detectedLabels"]?.arrayValue ?? []
    let own = labels.first { $0["label"]?.stringValue == "v" }
    #expect(own?["cardinality"] == .number("\(values.count)"))

    for text in Set(rows.prefix(12).map { Array($0.value.utf8) }) {
      let name = String(decoding: text, as: UTF8.self)
      func expect(_ query: String, _ isIn: (Row) -> Bool) throws {
        #expect(try lines(service, query) == counted(rows.filter(isIn).map(\.line)), "\(query)")
      }
      let isText = { (other: String) in Array(other.utf8) == text }
      try expect("{v=\"\(name)\"}") { isText($0.value) }
      try expect("{app=\"x\", v!=\"\(name)\"}") { !isText($0.value) }
      try expect("{v=~\"\(name)|nothing\"}") { isText($0.value) }
      try expect("{v=~\"(\(name))\"}") { isText($0.value) }
      try expect("{app=\"x\", v!~\"\(name)|nothing\"}") { !isText($0.value) }
      try expect("{app=\"x\"} | v=\"\(name)\"") { isText($0.value) }
      try expect("{app=\"x\"} | m=\"\(name)\"") { isText($0.metadata) }
      try expect("{app=\"x\"} | m!=\"\(name)\"") { !isText($0.metadata) }
      try expect("{app=\"x\"} | json | f=\"\(name)\"") { isText($0.member) }
      try expect("{app=\"x\"} | json | f!=\"\(name)\"") { !isText($0.member) }
    }
    for (name, stage, texts) in [
      ("v", "", rows.map(\.value)), ("m", "", rows.map(\.metadata)),
      ("f", "| json", rows.map(\.member)),
    ] {
      let query = "sum by (\(name)) (count_over_time({app=\"x\"} \(stage) [1h]))"
      let found = try samples(service, query, by: name)
      #expect(found == counted(texts), "\(query) \(found) \(counted(texts))")
      let joined = "\(query) + on (\(name)) max by (\(name)) (\(query))"
      #expect(
        try samples(service, joined, by: name) == counted(texts).mapValues { $0 * 2 }, "\(joined)")
    }
    // Range aggregations that differ in equivalent texts are two.
    for group in EquivalentTexts.groups.prefix(3) {
      func count(_ text: String) -> Int {
        rows.count { Array($0.line.utf8).contains(Array(text.utf8)) }
      }
      let terms = group.map { "(sum(count_over_time({app=\"x\"} |= \"\($0)\" [1h])) or vector(0))" }
      let query = "\(terms[0]) - \(terms[1])"
      #expect(
        try samples(service, query, by: "v") == [[]: count(group[0]) - count(group[1])], "\(query)")
    }
  }
}
