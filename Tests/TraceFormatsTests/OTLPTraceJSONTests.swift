import TelemetryModel
import Testing
import TraceFormats

struct OTLPTraceJSONTests {
  private func decode(_ text: String) throws -> [ResourceSpans] {
    try OTLPTraceJSON.decode(Array(text.utf8))
  }

  private func span(_ members: String) throws -> Span {
    let batches = try decode(#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"# + members + "}]}]}]}")
    return try #require(batches.first?.scopes.first?.spans.first)
  }

  @Test func namesNumbersAndEnumerationsComeInAllForms() throws {
    let camel = try span(
      #""traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","name":"n","#
        + #""kind":"SPAN_KIND_SERVER","startTimeUnixNano":1544712660000000000,"#
        + #""endTimeUnixNano":"1544712661000000000","unknown":{"a":[1,{}]},"#
        + #""status":{"code":"STATUS_CODE_ERROR"}"#)
    let snake = try span(
      #""trace_id":"5b8efff798038103d269b633813fc60c","span_id":"eee19b7ec3c1b174","name":"n","#
        + #""kind":2,"start_time_unix_nano":"1544712660000000000","#
        + #""end_time_unix_nano":1.544712661e18,"status":{"code":2},"events":null"#)
    #expect(camel == snake)
    #expect(camel.traceID.hex == "5b8efff798038103d269b633813fc60c")
    #expect(camel.start.nanoseconds == 1_544_712_660_000_000_000)
    #expect(camel.kind == .server)
  }

  @Test func whatIsAbsentIsEmpty() throws {
    #expect(try decode("{}") == [])
    #expect(try decode(#"{"resourceSpans":[]}"#) == [])
    #expect(try span(#""traceId":"","parentSpanId":null"#) == Span())
  }

  @Test func numbersThatJSONLacks() throws {
    let text =
      #"{"resourceSpans":[{"resource":{"attributes":["#
      + #"{"key":"a","value":{"doubleValue":"Infinity"}},"#
      + #"{"key":"b","value":{"doubleValue":"-1.5"}},"#
      + #"{"key":"c","value":{"intValue":-9223372036854775808}},"#
      + #"{"key":"d","value":{"bytesValue":"AP8="}},{"key":"e"}]}}]}"#
    let attributes = try decode(text).first?.resource.attributes.map(\.value)
    #expect(
      attributes == [.double(.infinity), .double(-1.5), .int(.min), .bytes([0, 255]), .empty])
  }

  @Test(arguments: [
    "", "{", "[]", "1", #"{"resourceSpans":1}"#, #"{"resourceSpans":[1]}"#, "{}x",
    #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}"#,
    #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"W47/95gDgQPSabYzgT/GDA=="}]}]}]}"#,
    #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"123"}]}]}]}"#,
    #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SERVER"}]}]}]}"#,
    #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"-1"}]}]}]}"#,
    #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":5}]}]}]}"#,
    #"{"resourceSpans":[{"resource":{"attributes":[{"value":{"intValue":"1.5"}}]}}]}"#,
    #"{"resourceSpans":[{"resource":{"attributes":[{"value":{"bytesValue":"!"}}]}}]}"#,
  ])
  func refuses(text: String) {
    #expect(throws: TraceFormatError.self) { try decode(text) }
  }

  @Test func tempoStyleHasBase64AndNames() throws {
    var span = Span()
    span.traceID = TraceID(high: 0xb71e_d78a_1dc0_2e27, low: 0x0db3_17d9_4c8e_dfa3)
    span.spanID = SpanID(0x60ec_6db2_5097_c040)
    span.kind = .server
    span.status.code = SpanStatus.error
    var group = ScopeSpans()
    group.spans = [span]
    var batch = ResourceSpans()
    batch.scopes = [group]
    let text = String(decoding: OTLPTraceJSON.encode([batch], style: .tempo), as: UTF8.self)
    #expect(
      text == #"{"batches":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"#
        + #""traceId":"tx7Xih3ALicNsxfZTI7fow==","spanId":"YOxtslCXwEA=","#
        + #""kind":"SPAN_KIND_SERVER","status":{"code":"STATUS_CODE_ERROR"}}]}]}]}"#)
  }

  /// Equal spans are equal bytes, so that they are stored once.
  @Test func theOrderOfMembersIsOfNoMeaning() throws {
    let one = """
      {"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"stringValue":"b"}}]},
      "scopeSpans":[{"scope":{"name":"s"},"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10",
      "spanId":"0102030405060708","name":"x","attributes":[{"key":"a","value":{"intValue":"1"}},
      {"key":"b","value":{"boolValue":true}}],"status":{"message":"boom","code":2}}]}]}]}
      """
    let other = """
      {"resourceSpans":[{"scopeSpans":[{"spans":[{"status":{"code":2,"message":"boom"},
      "attributes":[{"value":{"intValue":"1"},"key":"a"},{"key":"b","value":{"boolValue":true}}],
      "name":"x","spanId":"0102030405060708","traceId":"0102030405060708090a0b0c0d0e0f10"}],
      "scope":{"name":"s"}}],
      "resource":{"attributes":[{"value":{"stringValue":"b"},"key":"a"}]}}]}
      """
    let bytes = try OTLPTraceJSON.transcode(Array(one.utf8), limits: .none).request
    #expect(try OTLPTraceJSON.transcode(Array(other.utf8), limits: .none).request == bytes)
    #expect(try OTLPTraceProtobuf.decode(bytes) == OTLPTraceJSON.decode(Array(other.utf8)))
  }
}
