import TelemetryModel
import Testing
import WireFormats

@testable import TraceFormats

struct JaegerImportTests {
  /// Everything that Jaeger's JSON can hold, in times of whole microseconds.
  private var batches: [ResourceSpans] {
    var span = Span()
    span.traceID = TraceID(high: 1, low: 2)
    span.spanID = SpanID(3)
    span.parentSpanID = SpanID(4)
    span.name = "GET /"
    span.kind = .server
    span.traceState = "a=b"
    span.start = Timestamp(nanoseconds: 1_700_000_000_000_001_000)
    span.end = span.start + .milliseconds(3)
    span.status.code = SpanStatus.error
    span.status.message = "broken"
    span.attributes = [
      Attribute("text", .string("ü\n")), Attribute("flag", .bool(false)),
      Attribute("number", .int(-5)), Attribute("large", .int(.max)),
      Attribute("ratio", .double(0.25)), Attribute("bytes", .bytes([0, 255])),
    ]
    var event = SpanEvent()
    event.time = span.start + .milliseconds(1)
    event.name = "read"
    event.attributes = [Attribute("n", .int(1))]
    span.events = [event]
    var link = SpanLink()
    link.traceID = TraceID(high: 0, low: 9)
    link.spanID = SpanID(8)
    link.attributes = [Attribute("opentracing.ref_type", .string("follows_from"))]
    span.links = [link]
    var group = ScopeSpans()
    group.scope.name = "library"
    group.scope.version = "1"
    group.spans = [span]
    var batch = ResourceSpans()
    batch.resource.attributes = [
      Attribute("service.name", .string("shop")), Attribute("host.name", .string("h")),
    ]
    batch.scopes = [group]
    return [batch]
  }

  @Test func jsonGivesTheSpansBack() throws {
    #expect(try JaegerJSON.decode(JaegerJSON.encode([batches])) == batches)
  }

  /// The decoder was checked with bodies of Jaeger's own clients.
  @Test func thriftGivesTheSpansBack() throws {
    let bodies = JaegerThriftEncoder.encode(batches)
    #expect(bodies.count == 1)
    let request = try JaegerThrift.transcode(bodies[0]).request
    let back = try OTLPTraceProtobuf.decode(request)
    // Scopes and trace states stay tags on this way, as the collector has it.
    var expected = batches
    expected[0].scopes[0].scope = InstrumentationScope()
    expected[0].scopes[0].spans[0].attributes =
      [
        Attribute("otel.scope.name", .string("library")),
        Attribute("otel.scope.version", .string("1")),
        Attribute("w3c.tracestate", .string("a=b")),
      ] + batches[0].scopes[0].spans[0].attributes
    expected[0].resource.attributes.sort { $0.key < $1.key }
    var sorted = back
    sorted[0].resource.attributes.sort { $0.key < $1.key }
    let (got, want) = (sorted[0].scopes[0].spans[0], expected[0].scopes[0].spans[0])
    #expect(got.name == want.name && got.kind == want.kind && got.status == want.status)
    #expect(got.start == want.start && got.end == want.end)
    #expect(got.parentSpanID == want.parentSpanID)
    #expect(Set(got.attributes) == Set(want.attributes))
    #expect(got.links == want.links && got.events == want.events)
    #expect(Set(sorted[0].resource.attributes) == Set(expected[0].resource.attributes))
  }

  @Test(arguments: [
    "", "{}", "[]", #"{"data":[{"spans":[{"traceID":"xyz","spanID":"1"}]}]}"#,
    #"{"data":[{"spans":[{}]}]}"#,
  ])
  func refusesWhatIsNone(_ text: String) {
    #expect(throws: TraceFormatError.self) { _ = try JaegerJSON.decode(Array(text.utf8)) }
  }

  @Test func splitsWithoutLoss() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      var batches: [ResourceSpans] = []
      for number in 0..<Int.random(in: 0...4, using: &random) {
        var batch = ResourceSpans()
        batch.resource.attributes = [Attribute("n", .int(Int64(number)))]
        batch.scopes = (0..<Int.random(in: 1...3, using: &random)).map { _ in
          var group = ScopeSpans()
          group.spans = (0..<Int.random(in: 1...9, using: &random)).map { _ in
            var span = Span()
            span.spanID = SpanID(random.next())
            return span
          }
          return group
        }
        batches.append(batch)
      }
      let parts = batches.split(spansMax: 5)
      #expect(parts.allSatisfy { $0.spanCount <= 5 && $0.spanCount > 0 })
      let whole = batches.flatMap { $0.scopes.flatMap(\.spans) }
      #expect(parts.flatMap { $0.flatMap { $0.scopes.flatMap(\.spans) } } == whole)
    }
  }
}
