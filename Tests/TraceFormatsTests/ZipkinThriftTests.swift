import Foundation
import TelemetryModel
import Testing
import TraceFormats

/// Zipkin's v1 in Thrift, as py-zipkin 0.20.1 encodes it (`Encoding.V1_THRIFT`, thriftpy2).
struct ZipkinThriftTests {
  private func spans(_ name: String) throws -> [ResourceSpans] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let body = try Data(contentsOf: tests.appending(path: "Fuzz/Corpus/zipkin-thrift/\(name)"))
    return try OTLPTraceProtobuf.decode(try ZipkinV1.transcode(thrift: Array(body)).request)
  }

  @Test func aClientAServerAndALocalSpan() throws {
    let batches = try spans("three")
    let all = batches.flatMap { batch in
      batch.scopes.flatMap(\.spans).map { (service: batch.resource.attributes, span: $0) }
    }
    #expect(all.count == 3)
    let client = try #require(all.first { $0.span.kind == .client })
    #expect(client.service == [Attribute("service.name", .string("front"))])
    #expect(client.span.traceID == TraceID(high: 0, low: 0x1713_3d48_2ba4_f605))
    #expect(client.span.spanID == SpanID(0x2713_3d48_2ba4_f605))
    #expect(client.span.parentSpanID == SpanID(0xaa))
    #expect(client.span.name == "get /x")
    #expect(client.span.start == Timestamp(nanoseconds: 1_795_170_000_500_000_000))
    #expect(client.span.end - client.span.start == .milliseconds(250))
    #expect(client.span.status.code == SpanStatus.error)
    #expect(client.span.attributes.value(of: "http.path") == .string("/x"))
    #expect(client.span.attributes.value(of: "peer.service") == .string("back"))
    #expect(client.span.events.map(\.name) == ["wr"])
    #expect(client.span.events[0].time == Timestamp(nanoseconds: 1_795_170_000_600_000_000))
    let server = try #require(all.first { $0.span.kind == .server })
    #expect(server.service == [Attribute("service.name", .string("back"))])
    #expect(server.span.attributes.value(of: "k") == .string("ü"))
    let local = try #require(all.first { $0.span.kind == .unspecified })
    // py-zipkin writes no annotation that would name its service.
    #expect(local.span.name == "get /x" && local.span.attributes.isEmpty)
  }

  @Test func everyPrefixIsRefused() throws {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let body = Array(
      try Data(contentsOf: tests.appending(path: "Fuzz/Corpus/zipkin-thrift/three")))
    for count in 1..<body.count {
      #expect(throws: TraceFormatError.self) {
        try ZipkinV1.transcode(thrift: Array(body[..<count]))
      }
    }
  }
}
