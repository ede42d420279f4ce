import TelemetryModel
import Testing
import TraceFormats

struct ZipkinTests {
  /// The spans of a body in OTLP's terms.
  private func decode(_ text: String) throws -> [ResourceSpans] {
    let spans = try ZipkinJSON.transcode(Array(text.utf8))
    let batches = try OTLPTraceProtobuf.decode(spans.request)
    #expect(batches.spanCount == spans.spanCount)
    return batches
  }

  /// What Zipkin itself and the OpenTelemetry Collector answered is recorded in the reference;
  /// where they differ the stricter one is followed but for what real clients send.
  @Test(arguments: [
    "{", "{}", "1", #"[{"id":"2"}]"#, #"[{"traceId":"1"}]"#, #"[{"traceId":"zz","id":"2"}]"#,
    #"[{"traceId":"0","id":"2"}]"#, #"[{"traceId":"1","id":"0"}]"#,
    #"[{"traceId":"111111111111111111111111111111111","id":"2"}]"#,
    #"[{"traceId":"1","id":"2","kind":"BAD"}]"#,
    #"[{"traceId":"1","id":"2","tags":{"a":1,"b":true}}]"#,
    #"[{"traceId":"1","id":"2","binaryAnnotations":[]}]"#,
    #"[{"traceId":"1","id":"2","annotations":[{"timestamp":1,"value":"cs","endpoint":{}}]}]"#,
    #"[{"traceId":"1","id":"2","timestamp":-5}]"#, #"[{"traceId":"1","id":"2"}"#,
    #"[{"traceId":"1","id":"2","timestamp":18446744073709551615}]"#,
  ])
  func refuses(text: String) {
    #expect(throws: TraceFormatError.self) { try decode(text) }
  }

  @Test(arguments: [
    ("", 0), ("[]", 0), (#"[{"traceId":"1","id":"2"}]"#, 1),
    (#"[{"traceId":"ABC","id":"2","kind":null,"tags":{"a":"b","c":null,"d":1}}]"#, 1),
    (#"[{"traceId":"1","id":"2","localEndpoint":null,"annotations":null,"x":[{}]}]"#, 1),
  ])
  func takes(text: String, count: Int) throws {
    #expect(try decode(text).spanCount == count)
  }

  @Test func spanReadsWhole() throws {
    let batches = try decode(
      #"[{"traceId":"000f3a1b00000000000000000000beef","id":"2","parentId":"0000000000000001","#
        + #""kind":"CLIENT","name":"Get","timestamp":5,"duration":7,"shared":true,"debug":true,"#
        + #""localEndpoint":{"serviceName":"A","ipv4":"10.0.0.1","port":80},"#
        + #""remoteEndpoint":{"ipv6":"2001:DB8:0:0:0:0:0:1"},"#
        + #""annotations":[{"timestamp":6,"value":"x"}],"tags":{"a":"1","b":null,"a":"2"}}]"#)
    let text = String(
      decoding: ZipkinJSON.encode(ZipkinSpan.spans(of: batches)), as: UTF8.self)
    #expect(
      text == #"[{"traceId":"000f3a1b00000000000000000000beef","parentId":"0000000000000001","#
        + #""id":"0000000000000002","kind":"CLIENT","name":"get","timestamp":5,"duration":7,"#
        + #""localEndpoint":{"serviceName":"a","ipv4":"10.0.0.1","port":80},"#
        + #""remoteEndpoint":{"ipv6":"2001:db8::1"},"#
        + #""annotations":[{"timestamp":6,"value":"x"}],"tags":{"a":"2","b":""}}]"#)
  }

  @Test func linksAndEventsComeBack() throws {
    var link = SpanLink()
    link.traceID = TraceID(high: 1, low: 2)
    link.spanID = SpanID(3)
    link.traceState = "a=b"
    link.attributes = [Attribute("k", .string("x|y")), Attribute("n", .int(4))]
    link.droppedAttributesCount = 2
    var event = SpanEvent()
    event.name = "e"
    event.time = Timestamp(nanoseconds: 9_000)
    event.attributes = [Attribute("b", .bool(true)), Attribute("d", .double(1.5))]
    var span = Span()
    span.traceID = TraceID(high: 5, low: 6)
    span.spanID = SpanID(7)
    span.start = Timestamp(nanoseconds: 1_000)
    span.end = Timestamp(nanoseconds: 3_000)
    span.links = [link, link]
    span.events = [event]
    span.kind = .internal
    span.status.code = SpanStatus.ok
    span.attributes = [Attribute("network.peer.address", .string("/run/socket"))]
    var group = ScopeSpans()
    group.spans = [span]
    group.scope.name = "lib"
    var batch = ResourceSpans()
    batch.resource.attributes = [
      Attribute("service.name", .string("shop")), Attribute("host.name", .string("h")),
    ]
    batch.scopes = [group]
    let zipkin = ZipkinSpan.spans(of: [batch])
    let text = String(decoding: ZipkinJSON.encode(zipkin), as: UTF8.self)
    #expect(try decode(text) == [batch])
  }

  @Test(arguments: [
    // RFC 5952, sections 1 and 4, and RFC 4291, section 2.2.
    ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8::0001", "2001:db8::1"),
    ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:DB8::AaAa", "2001:db8::aaaa"),
    ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("::13.1.68.3", "::d01:4403"),
    ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
  ])
  func addressesOfVersion6(text: String, canonical: String) {
    #expect(IPAddressText(text) == .v6(canonical))
  }

  @Test func otherAddresses() {
    #expect(IPAddressText("10.0.0.255") == .v4("10.0.0.255"))
    #expect(IPAddressText("::ffff:10.1.2.3") == .v4("10.1.2.3"))
    #expect(IPAddressText(bytes: [10, 1, 2, 3]) == .v4("10.1.2.3"))
    for text in [
      "", "10.0.0", "10.0.0.256", "10.0.0.01", "1:2:3:4:5:6:7", ":::", "1::2::3", "g::", "+1::",
      "1:2:3:4:5:6:7:8:9", "/run/socket", "10.0.0.1.", "12345::", "::1%eth0",
    ] {
      #expect(IPAddressText(text) == nil, "\(text)")
    }
  }
}
