import Bytes
import HTTP
import SpanQuery
import TelemetryModel

/// What Zipkin's API refuses with, as plain text.
struct ZipkinFault: Error {
  let status: HTTPStatus
  let message: String

  init(_ status: HTTPStatus, _ message: String) {
    self.status = status
    self.message = message
  }

  static func badRequest(_ message: String) -> ZipkinFault { ZipkinFault(.badRequest, message) }
}

/// Reads Zipkin's query parameters.
struct ZipkinParameters {
  let items: FormItems

  /// Traces that one answer may hold.
  static let limitMax = 5_000

  /// The value of `name`; empty counts as absent.
  subscript(_ name: String) -> String? {
    guard let text = items[name], !text.isEmpty else { return nil }
    return text
  }

  func required(_ name: String) throws(ZipkinFault) -> String {
    guard let text = self[name] else {
      throw .badRequest("Required String parameter '\(name)' is not present")
    }
    return text
  }

  private func number(_ name: String) throws(ZipkinFault) -> Int64? {
    guard let text = self[name] else { return nil }
    guard let number = Int64(text) else { throw .badRequest("For input string: \"\(text)\"") }
    return number
  }

  /// Milliseconds since 1970, which must lie behind it.
  func end() throws(ZipkinFault) -> Timestamp? {
    guard let milliseconds = try number("endTs") else { return nil }
    guard milliseconds > 0 else { throw .badRequest("endTs <= 0") }
    return Timestamp.zero + TimeSpan(clampingMilliseconds: milliseconds)
  }

  func lookback() throws(ZipkinFault) -> TimeSpan {
    guard let milliseconds = try number("lookback") else { return .hours(24) }
    guard milliseconds > 0 else { throw .badRequest("lookback <= 0") }
    return TimeSpan(clampingMilliseconds: milliseconds)
  }

  /// The search of `/api/v2/traces`.
  func search(now: Timestamp) throws(ZipkinFault) -> ZipkinSearch {
    var search = ZipkinSearch(end: try end() ?? now, lookback: try lookback())
    search.serviceName = self["serviceName"]?.lowercased()
    search.remoteServiceName = self["remoteServiceName"]?.lowercased()
    if let name = self["spanName"]?.lowercased(), name != "all" { search.spanName = name }
    if let limit = try number("limit") {
      guard limit > 0 else { throw .badRequest("limit <= 0") }
      search.limit = Int(min(limit, Int64(Self.limitMax)))
    }
    if let least = try number("minDuration") {
      guard least > 0 else { throw .badRequest("minDuration <= 0") }
      search.minDurationMicroseconds = UInt64(least)
    }
    if let most = try number("maxDuration") {
      guard let least = search.minDurationMicroseconds else {
        throw .badRequest("maxDuration is only valid with minDuration")
      }
      guard most >= 0, UInt64(most) >= least else {
        throw .badRequest("maxDuration < minDuration")
      }
      search.maxDurationMicroseconds = UInt64(most)
    }
    if let text = self["annotationQuery"] { search.annotations = Self.annotations(text) }
    return search
  }

  /// `key=value and annotation`: a part without `=` asks for a tag or an annotation of that name.
  static func annotations(_ text: String) -> [ByteText: String] {
    var annotations: [ByteText: String] = [:]
    var rest = text.unicodeScalars[...]
    while true {
      let separator = rest.firstRange(of: " and ".unicodeScalars)
      let part = separator.map { rest[..<$0.lowerBound] } ?? rest
      if let equals = part.firstIndex(of: "=") {
        annotations[String(part[..<equals])] = String(part[part.index(after: equals)...])
      } else if !part.isEmpty {
        annotations[String(part)] = ""
      }
      guard let separator else { return annotations }
      rest = rest[separator.upperBound...]
    }
  }
}
