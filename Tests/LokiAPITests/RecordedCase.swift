import Compression
import Foundation
import TelemetryModel

/// The recorded requests and answers of a real Loki, where they are at hand.
enum Recorded {
  static let folder: URL? = {
    let environment = ProcessInfo.processInfo.environment
    let beside = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../shared")
    for folder in [environment["SLUICE_SHARED"].map(URL.init(fileURLWithPath:)), beside] {
      guard let folder else { continue }
      let conformance = folder.appendingPathComponent("conformance")
      if FileManager.default.fileExists(atPath: conformance.path) { return conformance }
    }
    return nil
  }()

  struct Case {
    let id: String
    let kind: String
    let path: String
    let parameters: [(name: String, value: String)]
    let status: Int
    let body: Any
  }

  static func cases() throws -> [Case] {
    guard let folder else { return [] }
    let packed = try Data(contentsOf: folder.appendingPathComponent("dev.jsonl.gz"))
    let text = try Zlib.decompress(Array(packed), .gzip, bytesMax: 64 << 20)
    return try text.split(separator: UInt8(ascii: "\n")).map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] ?? [:]
      let expect = object["expect"] as? [String: Any] ?? [:]
      var parameters: [(name: String, value: String)] = []
      for (name, value) in object["params"] as? [String: Any] ?? [:] {
        for one in value as? [Any] ?? [value] { parameters.append((name, "\(one)")) }
      }
      return Case(
        id: object["id"] as? String ?? "", kind: object["kind"] as? String ?? "",
        path: object["path"] as? String ?? "", parameters: parameters,
        status: expect["status"] as? Int ?? 0, body: expect["body"] ?? NSNull())
    }
  }

  static func streams() throws -> [(labels: Labels, entries: [LogEntry])] {
    guard let folder else { return [] }
    let data = try Data(contentsOf: folder.appendingPathComponent("dataset.json"))
    let object = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    return (object["streams"] as? [[String: Any]] ?? []).map { stream in
      let labels = stream["stream"] as? [String: String] ?? [:]
      let entries = (stream["values"] as? [[Any]] ?? []).map { value in
        LogEntry(
          timestamp: Timestamp(nanoseconds: Int64(value[0] as? String ?? "") ?? 0),
          line: Array((value[1] as? String ?? "").utf8),
          structuredMetadata: value.count > 2
            ? (value[2] as? [String: String] ?? [:]).map { Label($0.key, $0.value) }
              .sorted() : [])
      }
      return (Labels(labels.map { Label($0.key, $0.value) }), entries)
    }
  }
}
