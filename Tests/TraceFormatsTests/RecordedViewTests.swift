import Foundation
import TelemetryModel
import Testing
import TraceFormats
import WireFormats

/// What the OpenTelemetry Collector's translators and Jaeger make of recorded payloads.
@Suite(
  .enabled(if: RecordedTraces.arePresent, "the recorded traces are not beside the repository"))
struct RecordedViewTests {
  private func compare(_ batches: [ResourceSpans], _ path: String) throws {
    let traces = Dictionary(
      batches.groupedByTrace().map { ($0.id.hex, $0.batches) }, uniquingKeysWith: { a, _ in a })
    let recorded = try RecordedTraces.traces(path)
    #expect(recorded.count >= 9)
    for id in recorded {
      let trace = try #require(traces[id], "no trace \(id)")
      let otlp = try RecordedTraces.json(OTLPTraceJSON.encode(trace))
      #expect(
        SpanTexts.otlp(otlp)
          == SpanTexts.otlp(try RecordedTraces.expected("\(path)/\(id)/otlp.json")), "\(id)")
      let jaeger = try RecordedTraces.json(JaegerJSON.encode([trace]))
      #expect(
        SpanTexts.jaeger(jaeger)
          == SpanTexts.jaeger(try RecordedTraces.expected("\(path)/\(id)/jaeger.json")), "\(id)")
      let zipkin = try RecordedTraces.json(ZipkinJSON.encode(ZipkinSpan.spans(of: trace)))
      #expect(
        SpanTexts.zipkin(zipkin)
          == SpanTexts.zipkin(try RecordedTraces.expected("\(path)/\(id)/zipkin.json")), "\(id)")
    }
  }

  @Test func viewsOfProtobufSpans() throws {
    let batches = try RecordedTraces.payloads("otlp-http-proto").flatMap {
      try OTLPTraceProtobuf.decode($0)
    }
    try compare(batches, "from-otlp")
  }

  @Test func viewsOfJSONSpans() throws {
    let batches = try RecordedTraces.payloads("otlp-http-json").flatMap {
      try OTLPTraceJSON.decode($0)
    }
    try compare(batches, "from-otlp")
  }

  /// Sorted by name, values come before what they belong to and spans before their resource.
  @Test func membersMayStandInAnyOrder() throws {
    for body in try RecordedTraces.payloads("otlp-http-json") {
      let sorted = try JSONSerialization.data(
        withJSONObject: try RecordedTraces.json(body), options: [.sortedKeys, .prettyPrinted])
      #expect(try OTLPTraceJSON.decode(Array(sorted)) == OTLPTraceJSON.decode(body))
    }
  }

  @Test(arguments: [
    "otel-zipkin-v2-json", "pyzipkin-v2-json-shared", "otel-zipkin-v1-json",
    "otel-zipkin-v2-proto",
  ])
  func viewsOfZipkinSpans(group: String) throws {
    let spans = try RecordedTraces.payloads(group).map { body in
      switch group {
      case "otel-zipkin-v1-json": try ZipkinV1.transcode(json: body)
      case "otel-zipkin-v2-proto": try ZipkinProtobuf.transcode(body)
      default: try ZipkinJSON.transcode(body)
      }
    }
    #expect(spans.reduce(0) { $0 + $1.spanCount } > 80)
    try compare(
      try spans.flatMap { try OTLPTraceProtobuf.decode($0.request) }, "from-ingest/\(group)")
  }

  @Test func cutZipkinProtobufHoldsLess() throws {
    for body in try RecordedTraces.payloads("otel-zipkin-v2-proto") {
      let whole = try ZipkinProtobuf.transcode(body).spanCount
      for count in stride(from: 1, to: body.count, by: 499) {
        // A cut between two spans leaves a body that is whole in itself.
        if let part = try? ZipkinProtobuf.transcode(Array(body[..<count])) {
          #expect(part.spanCount < whole)
        }
      }
    }
  }

  @Test func viewsOfThriftSpans() throws {
    for group in ["jaeger-thrift-http", "jaeger-udp-compact", "jaeger-udp-binary"] {
      let batches = try RecordedTraces.payloads(group).flatMap { body in
        let spans =
          switch group {
          case "jaeger-thrift-http": try JaegerThrift.transcode(body)
          case "jaeger-udp-compact":
            try body.withUnsafeBytes { try JaegerThrift.transcode(datagram: $0, .compact) }
          default: try body.withUnsafeBytes { try JaegerThrift.transcode(datagram: $0, .binary) }
          }
        return try OTLPTraceProtobuf.decode(spans.request)
      }
      try compare(batches, "from-ingest/\(group)")
    }
  }

  @Test func protobufAndJSONOfClientsHoldTheSame() throws {
    for body in try RecordedTraces.payloads("otlp-http-proto") {
      let batches = try OTLPTraceProtobuf.decode(body)
      #expect(try OTLPTraceProtobuf.decode(OTLPTraceProtobuf.encode(batches)) == batches)
      #expect(try OTLPTraceJSON.decode(OTLPTraceJSON.encode(batches)) == batches)
      #expect(OTLPTraceProtobuf.encode(batches).count <= body.count + body.count / 100)
    }
  }

  @Test func truncatedBodiesThrowOrHoldLess() throws {
    let body = try RecordedTraces.payloads("otlp-http-proto")[0]
    let whole = try OTLPTraceProtobuf.decode(body).spanCount
    for count in stride(from: 1, to: body.count, by: 97) {
      // A cut between two batches leaves a body that is whole in itself.
      if let batches = try? OTLPTraceProtobuf.decode(Array(body[..<count])) {
        #expect(batches.spanCount < whole)
      }
    }
    let text = try RecordedTraces.payloads("otel-zipkin-v2-json")[5]
    for count in stride(from: 1, to: text.count, by: 29) {
      #expect(throws: TraceFormatError.self) { try ZipkinJSON.transcode(Array(text[..<count])) }
    }
    let json = OTLPTraceJSON.encode(try OTLPTraceProtobuf.decode(body))
    for count in stride(from: 0, to: json.count, by: 4_001) {
      #expect(throws: TraceFormatError.self) { try OTLPTraceJSON.decode(Array(json[..<count])) }
    }
  }
}
