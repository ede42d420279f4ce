import Compression
import Foundation
import Synchronization
import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import LogStore
@testable import LokiAPI

/// Replays Loki's recorded pushes against the endpoint: status, text and what is stored.
@Suite struct PushEndpointTests {
  /// An engine of one head, without a disk.
  final class HeadEngine: LogEngine {
    let head = LogHead(table: StreamTable())
    func append(_ parts: [[UInt8]], apply: (LogHead) -> Void) async throws(LogStoreError) {
      apply(head)
    }
    func snapshot() -> LogSnapshot { LogSnapshot(heads: [head], segments: []) }
    func flush() async throws(LogStoreError) {}
    func close() async {}
  }

  /// The base of the recording and ten minutes.
  static let clock = ManualClock(seconds: 1_795_235_940 + 600)

  /// Cases that are answered otherwise on purpose, with the status given here; see
  /// docs/differences-from-loki.md.
  static let betterStatus: [String: Int] = [
    // Loki answers 500 to structured metadata whose name has no letter or digit.
    "normalization for label name": 400, "label name is empty": 400,
    // Late lines are taken anywhere within the age limit.
    "entry too far behind": 204,
  ]

  static func records(_ config: String) throws -> [[String: Any]]? {
    let repository = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let named = ProcessInfo.processInfo.environment["SLUICE_SHARED"].map { URL(filePath: $0) }
    let folder = named ?? repository.deletingLastPathComponent().appending(path: "shared")
    let file = folder.appending(path: "conformance/loki/push.jsonl")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else {
      print("skipped: conformance data is absent")
      return nil
    }
    return try text.split(separator: "\n").compactMap {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }.filter { $0["config"] as? String == config }
  }

  static func body(_ record: [String: Any]) throws -> [UInt8] {
    if let text = record["body"] as? String { return Array(text.utf8) }
    if let base64 = record["body_b64"] as? String {
      return Array(Data(base64Encoded: base64) ?? Data())
    }
    if let base64 = record["body_zlib_b64"] as? String {
      let data = Array(Data(base64Encoded: base64) ?? Data())
      return try Zlib.decompress(data, .zlib, bytesMax: 1 << 30)
    }
    return []
  }

  static func answer(_ record: [String: Any], _ endpoint: PushEndpoint) async throws
    -> PushEndpoint.Answer
  {
    let headers = record["headers"] as? [String: String] ?? [:]
    let lower = Dictionary(headers.map { ($0.lowercased(), $1) }) { $1 }
    // Header values are recorded as latin-1 of the bytes that were sent.
    let tenant = lower["x-scope-orgid"].map { text in
      String(decoding: text.unicodeScalars.map { UInt8($0.value & 255) }, as: UTF8.self)
    }
    let path = record["path"] as? String ?? ""
    return await endpoint.answer(
      .init(
        version: path.hasPrefix("/api/prom/") ? .legacy : .v1,
        contentType: lower["content-type"], contentEncoding: lower["content-encoding"],
        tenant: tenant, body: try body(record)))
  }

  /// Whether `text` is `expected`, where `<NAME>` stands for anything.
  static func matches(_ text: String, _ expected: String) throws -> Bool {
    let parts = expected.split(separator: /<[A-Z][A-Z0-9-]*>/, omittingEmptySubsequences: false)
    let pattern = parts.map { NSRegularExpression.escapedPattern(for: String($0)) }
      .joined(separator: ".*?")
    let regex = try NSRegularExpression(
      pattern: "^\(pattern)$", options: .dotMatchesLineSeparators)
    return regex.firstMatch(in: text, range: NSRange(location: 0, length: text.utf16.count)) != nil
  }

  private func replay(
    _ config: String, limits: IntakeLimits, authEnabled: Bool = false,
    bodyBytesMax: Int = 100 << 20, decodedBytesMax: Int = 256 << 20,
    skipping: (([String: Any]) -> Bool)? = nil
  ) async throws {
    guard let records = try Self.records(config) else { return }
    let engine = HeadEngine()
    let store = LogStore(engine: engine, limits: limits, clock: Self.clock)
    let endpoint = PushEndpoint(
      receiver: store, authEnabled: authEnabled, bodyBytesMax: bodyBytesMax,
      decodedBytesMax: decodedBytesMax)
    var pushes = 0
    var wordings: [String] = []
    for record in records {
      for exchange in [record] + (record["then"] as? [[String: Any]] ?? []) {
        let path = exchange["path"] as? String ?? ""
        guard exchange["method"] as? String == "POST",
          path.hasPrefix("/loki/api/v1/push") || path.hasPrefix("/api/prom/push"),
          skipping?(exchange) != true, let expect = exchange["expect"] as? [String: Any],
          let status = expect["status"] as? Int
        else { continue }
        let answer = try await Self.answer(exchange, endpoint)
        let expected = (expect["body"] as? String ?? "").trimmingCharacters(in: .newlines)
        let better = Self.betterStatus.first { expected.contains($0.key) }
        let name = record["name"] as? String ?? "?"
        #expect(
          answer.status == better?.value ?? status, "\(name): \(answer.text ?? "") / \(expected)")
        pushes += 1
        if status >= 300, answer.status == status, expect["body_is_prefix"] == nil,
          try !Self.matches(answer.text ?? "", expected)
        {
          wordings.append("\(name):\n  \(answer.text ?? "")\n  \(expected)")
        }
      }
    }
    #expect(pushes > 3)
    for wording in wordings { print("wording: \(wording)") }
    #expect(wordings.isEmpty)
  }

  private static func plain() -> IntakeLimits {
    var limits = IntakeLimits()
    limits.discoverServiceName = []
    limits.discoverLogLevels = false
    limits.ingestionRateBytes = 0
    limits.perStreamRateBytes = 0
    return limits
  }

  @Test func plainPushes() async throws { try await replay("push-plain", limits: Self.plain()) }

  @Test func smallBodies() async throws {
    try await replay(
      "push-small", limits: Self.plain(), bodyBytesMax: 2000, decodedBytesMax: 10_000)
  }

  /// Tenants that have limits of their own in the recording have tests of their own.
  @Test func tenants() async throws {
    let own: Set<String> = [
      "rate", "perstream", "nosm", "smsize", "smcount", "line", "trunc", "truncid", "streams",
      "incdup", "old", "noold", "grace", "labels", "blocked", "blocked429", "blocked200",
      "enforced",
    ]
    try await replay("push-tenants", limits: Self.plain(), authEnabled: true) { exchange in
      let headers = exchange["headers"] as? [String: String] ?? [:]
      let tenant = headers.first { $0.key.lowercased() == "x-scope-orgid" }?.value ?? ""
      // Loki takes `|` for a tenant without a name; it is refused here.
      return own.contains(tenant) || tenant == "|"
    }
  }

  @Test(arguments: [
    "rate", "perstream", "nosm", "smsize", "smcount", "line", "trunc", "truncid", "streams",
    "incdup", "noold", "labels", "blocked", "blocked429", "blocked200", "enforced",
  ])
  func limitsOfTenants(_ tenant: String) async throws {
    var limits = Self.plain()
    switch tenant {
    case "rate":
      (limits.ingestionRateBytes, limits.ingestionBurstBytes) = (0.0005 * 1_048_576, 1048.576)
    case "perstream": (limits.perStreamRateBytes, limits.perStreamBurstBytes) = (512, 1024)
    case "nosm": limits.allowStructuredMetadata = false
    case "smsize": limits.maxStructuredMetadataSize = 64
    case "smcount": limits.maxStructuredMetadataEntriesCount = 2
    case "line": limits.maxLineSize = 64
    case "trunc", "truncid":
      limits.maxLineSize = 64
      limits.maxLineSizeTruncate = true
      if tenant == "truncid" { limits.maxLineSizeTruncateIdentifier = "...[cut]" }
    case "streams": limits.maxStreams = 2
    case "incdup": limits.incrementDuplicateTimestamp = true
    case "noold": limits.rejectOldSamples = false
    case "labels":
      limits.maxLabelNamesPerSeries = 3
      limits.maxLabelNameLength = 10
      limits.maxLabelValueLength = 20
    case "blocked", "blocked429", "blocked200":
      limits.blockIngestionUntil = GoTime.parse("2099-01-01T00:00:00Z")
      limits.blockIngestionStatusCode = ["blocked": 260, "blocked429": 429][tenant] ?? 200
    default: limits.enforcedLabels = ["env", "team"]
    }
    guard let records = try Self.records("push-tenants") else { return }
    let store = LogStore(engine: HeadEngine(), limits: limits, clock: Self.clock)
    let endpoint = PushEndpoint(receiver: store, authEnabled: true)
    for record in records {
      for exchange in [record] + (record["then"] as? [[String: Any]] ?? [])
      where exchange["method"] as? String == "POST" {
        guard (exchange["headers"] as? [String: String])?["X-Scope-OrgID"] == tenant,
          let expect = exchange["expect"] as? [String: Any]
        else { continue }
        let answer = try await Self.answer(exchange, endpoint)
        let expected = (expect["body"] as? String ?? "").trimmingCharacters(in: .newlines)
        if tenant == "perstream", expect["status"] as? Int == 204 {
          // Loki drops the stream above its rate and says 204 when another one was taken.
          #expect(answer.status == 429)
          continue
        }
        #expect(answer.status == expect["status"] as? Int, "\(answer.text ?? "")")
        #expect(try Self.matches(answer.text ?? "", expected), "\(answer.text ?? "") / \(expected)")
      }
    }
  }

  @Test func inflatedBombsStopAtTheLimit() async throws {
    let store = LogStore(engine: HeadEngine(), limits: Self.plain(), clock: Self.clock)
    let endpoint = PushEndpoint(receiver: store, authEnabled: false, decodedBytesMax: 1 << 20)
    let zeros = [UInt8](repeating: 0x20, count: 64 << 20)
    let bomb = try Zlib.compress(zeros, .raw)
    let answer = await endpoint.answer(
      .init(
        version: .v1, contentType: "application/json", contentEncoding: "deflate", tenant: nil,
        body: bomb))
    #expect(answer.status == 413)
  }
}
