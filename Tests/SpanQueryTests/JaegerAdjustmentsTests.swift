import SpanQuery
import TelemetryModel
import Testing

struct JaegerAdjustmentsTests {
  @Test func serversThatShareAnIDGetTheirOwn() {
    let trace = [
      batch("front", [span(1, 10, kind: .server), span(1, 20, parent: 10, kind: .client)]),
      batch(
        "back",
        [span(1, 20, parent: 10, "serve", kind: .server), span(1, 30, parent: 20, "inner")]),
    ]
    let spans = JaegerAdjustments.adjust(trace).flatMap(\.scopes).flatMap(\.spans)
    #expect(spans.map(\.spanID.value) == [10, 20, 1, 30])
    #expect(spans.map(\.parentSpanID.value) == [0, 10, 20, 1])
  }

  @Test func attributesAndEventsAreSortedAndEqualSpansLeftOut() {
    var first = span(1, 1)
    first.attributes = [Attribute("b", .int(1)), Attribute("a", .int(2))]
    var late = SpanEvent()
    late.time = Timestamp(nanoseconds: 2)
    var early = SpanEvent()
    early.time = Timestamp(nanoseconds: 1)
    first.events = [late, early]
    var second = first
    second.attributes.reverse()
    let adjusted = JaegerAdjustments.adjust([batch("a", [first, second])])
    let spans = adjusted.flatMap(\.scopes).flatMap(\.spans)
    #expect(spans.count == 1)
    #expect(spans.first?.attributes.map(\.key) == ["a", "b"])
    #expect(spans.first?.events.map(\.time.nanoseconds) == [1, 2])
  }

  @Test func addressesLibrariesAndEmptyLinks() {
    var span = span(1, 1)
    span.attributes = [
      Attribute("ip", .int(0x0a00_0001)), Attribute("peer.ipv4", .string("10.0.0.2")),
      Attribute("telemetry.sdk.name", .string("sdk")),
      Attribute("telemetry.sdk.language", .string("go")),
    ]
    span.links = [SpanLink()]
    let resource = [Attribute("telemetry.sdk.language", .string("java"))]
    let adjusted = JaegerAdjustments.adjust([batch("a", [span], resource: resource)])
    let out = adjusted.flatMap(\.scopes).flatMap(\.spans).first
    #expect(
      out?.attributes == [
        Attribute("ip", .string("10.0.0.1")), Attribute("peer.ipv4", .string("10.0.0.2")),
        Attribute("telemetry.sdk.language", .string("go")),
        Attribute(
          "@jaeger@warnings",
          .array([
            .string(
              "conflicting values between Span and Resource for attribute telemetry.sdk.language"),
            .string("Invalid span link removed"),
          ])),
      ])
    #expect(out?.links == [])
    #expect(
      adjusted.first?.resource.attributes.last == Attribute("telemetry.sdk.name", .string("sdk")))
  }
}
