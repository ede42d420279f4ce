import Foundation

/// Payloads and answers that were recorded from real clients and servers.
///
/// They lie beside the repository (`../shared`, or where `SLUICE_SHARED` says); tests that need
/// them are skipped where they are absent.
enum RecordedTraces {
  static let folder: URL = {
    let shared =
      ProcessInfo.processInfo.environment["SLUICE_SHARED"].map { URL(fileURLWithPath: $0) }
      ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared")
    return shared.appending(path: "conformance/traces")
  }()

  static var arePresent: Bool { FileManager.default.fileExists(atPath: folder.path) }

  static func payload(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appending(path: "payloads/\(name)")))
  }

  /// The payloads of one group, in the order in which they were sent.
  static func payloads(_ group: String) throws -> [[UInt8]] {
    try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "payloads").path)
      .filter { $0.hasPrefix(group + "-0") }.sorted().map { try payload($0) }
  }

  /// The identifiers of the traces that have recorded views in `path`.
  static func traces(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      atPath: folder.appending(path: "expected/\(path)").path
    ).sorted()
  }

  static func expected(_ path: String) throws -> Any {
    try json(Array(Data(contentsOf: folder.appending(path: "expected/\(path)"))))
  }

  static func json(_ bytes: [UInt8]) throws -> Any {
    try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
  }
}

/// Documents as sorted texts, one for each span, so that what has no order is compared as sets.
enum SpanTexts {
  static func canonical(_ value: Any) -> String {
    guard
      let data = try? JSONSerialization.data(
        withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed])
    else { return "?" }
    return String(decoding: data, as: UTF8.self)
  }

  private static func set(_ list: Any?) -> [String] {
    ((list as? [Any]) ?? []).map(canonical).sorted()
  }

  /// Of a document of Jaeger's API.
  static func jaeger(_ document: Any) -> [String] {
    var out: [String] = []
    for trace in (document as? [String: Any])?["data"] as? [[String: Any]] ?? [] {
      let processes = trace["processes"] as? [String: [String: Any]] ?? [:]
      for var span in trace["spans"] as? [[String: Any]] ?? [] {
        let process = processes[span["processID"] as? String ?? ""] ?? [:]
        span["processID"] = [process["serviceName"] ?? "", set(process["tags"])]
        span["references"] = set(span["references"])
        span["tags"] = set(span["tags"])
        span["logs"] = set(
          (span["logs"] as? [[String: Any]] ?? []).map {
            ["timestamp": $0["timestamp"] ?? 0, "fields": set($0["fields"])]
          })
        out.append(canonical(span))
      }
    }
    return out.sorted()
  }

  /// Of a list of Zipkin's spans; the scope's tags are not compared.
  ///
  /// The recorded server lets the tags of one scope leak into the next.
  static func zipkin(_ document: Any) -> [String] {
    (document as? [[String: Any]] ?? []).map { span in
      var span = span
      let tags = span["tags"] as? [String: Any] ?? [:]
      span["tags"] = tags.filter {
        !$0.key.hasPrefix("otel.library.") && !$0.key.hasPrefix("otel.scope.")
      }
      span["annotations"] = set(span["annotations"])
      return canonical(span)
    }.sorted()
  }

  /// Of an OTLP document.
  static func otlp(_ document: Any) -> [String] {
    var out: [String] = []
    for batch in (document as? [String: Any])?["resourceSpans"] as? [[String: Any]] ?? [] {
      let resource = batch["resource"] as? [String: Any] ?? [:]
      for scope in batch["scopeSpans"] as? [[String: Any]] ?? [] {
        for var span in scope["spans"] as? [[String: Any]] ?? [] {
          span["attributes"] = set(span["attributes"])
          span["resource"] = set(resource["attributes"])
          span["scope"] = scope["scope"] ?? [:]
          out.append(canonical(span))
        }
      }
    }
    return out.sorted()
  }
}
