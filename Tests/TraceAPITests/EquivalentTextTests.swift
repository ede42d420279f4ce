import Bytes
import Foundation
import TelemetryModel
import TestSupport
import Testing
import WireFormats

/// Services, operations and tags whose names are equivalent to Unicode and other bytes, over the
/// APIs.
@Suite struct EquivalentTextTests {
  private static let texts = EquivalentTexts.groups[0] + EquivalentTexts.groups[1]

  /// A trace for each text, which is service, name and value of a tag.
  private static let traces: [ResourceSpans] = texts.enumerated().map { place, text in
    var span = Span()
    span.traceID = TraceID(high: 1, low: UInt64(place + 1))
    span.spanID = SpanID(UInt64(place + 1))
    span.name = text
    span.kind = .server
    span.start = Timestamp(seconds: 100)
    span.end = span.start + .milliseconds(5)
    span.attributes = [Attribute("k", .string(text)), Attribute("t" + text, .bool(true))]
    return batch(text, [span])
  }

  private static func bytes(_ list: JSONValue?) -> [[UInt8]] {
    (list?.arrayValue ?? []).map { Array(($0.stringValue ?? "").utf8) }
  }

  private static func escaped(_ text: String) -> String {
    text.utf8.map { "%" + Hex.encode([$0]) }.joined()
  }

  private static let ordered = texts.map { Array($0.utf8) }
    .sorted { $0.lexicographicallyPrecedes($1) }

  @Test func jaegerTellsThemApart() async throws {
    let server = try TraceAPIServer(Self.traces)
    let services = try await server.json(.jaeger, "/api/services")["data"]
    #expect(Self.bytes(services) == Self.ordered)
    for (place, text) in Self.texts.enumerated() {
      let name = Self.escaped(text)
      let names = try await server.json(.jaeger, "/api/services/\(name)/operations")["data"]
      #expect(Self.bytes(names) == [Array(text.utf8)])
      for query in [
        "service=\(name)", "service=\(name)&operation=\(name)",
        "service=\(name)&tags=" + Self.escaped("{\"k\":\"\(text)\"}"),
        "service=\(name)&tag=" + Self.escaped("k:\(text)"),
        "service=\(name)&tag=" + Self.escaped("t\(text):true"),
      ] {
        let found = try await server.json(.jaeger, "/api/traces?start=0&end=900000000&\(query)")
        let ids = (found["data"]?.arrayValue ?? []).compactMap { $0["traceID"]?.stringValue }
        #expect(ids == [TraceID(high: 1, low: UInt64(place + 1)).hex], "\(query)")
      }
    }
    await server.stop()
  }

  @Test func tempoTellsThemApart() async throws {
    let server = try TraceAPIServer(Self.traces)
    for path in ["service.name", "k", "name"] {
      let values = try await server.json(.tempo, "/api/search/tag/\(path)/values")["tagValues"]
      #expect(Self.bytes(values) == Self.ordered, "\(path)")
    }
    let names = try await server.json(.tempo, "/api/search/tags")["tagNames"]
    #expect(Set(Self.bytes(names)).isSuperset(of: Self.texts.map { Array(("t" + $0).utf8) }))
    for (place, text) in Self.texts.enumerated() {
      for query in [
        "{ span.k = \"\(text)\" }", "{ name =~ \"\(text)\" }", "{ .\"t\(text)\" = true }",
        "{ span.k =~ \"none|\(text)\" && resource.service.name = \"\(text)\" }",
      ] {
        let found = try await server.json(
          .tempo, "/api/search?start=0&end=900&q=" + Self.escaped(query))
        let ids = (found["traces"]?.arrayValue ?? []).compactMap { $0["traceID"]?.stringValue }
        #expect(
          ids == [String(TraceID(high: 1, low: UInt64(place + 1)).hex.drop { $0 == "0" })],
          "\(query)")
      }
    }
    let metrics = try await server.json(
      .tempo,
      "/api/metrics/query_range?start=0&end=200&step=200s&q="
        + Self.escaped("{} | count_over_time() by (span.k)"))
    #expect(metrics["series"]?.arrayValue?.count == Self.texts.count)
    await server.stop()
  }

  /// Zipkin knows names in small letters.
  @Test func zipkinTellsThemApart() async throws {
    let server = try TraceAPIServer(Self.traces)
    let small = Set(Self.texts.map { Array($0.lowercased().utf8) })
      .sorted { $0.lexicographicallyPrecedes($1) }
    #expect(Self.bytes(try await server.json(.zipkin, "/api/v2/services")) == small)
    for text in Self.texts {
      let found = try await server.json(
        .zipkin,
        "/api/v2/traces?endTs=200000&lookback=200000&serviceName=\(Self.escaped(text))"
          + "&annotationQuery=" + Self.escaped("k=\(text)"))
      #expect(found.arrayValue?.count == 1, "\(text)")
    }
    await server.stop()
  }
}
