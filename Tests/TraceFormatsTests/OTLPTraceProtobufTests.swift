import Bytes
import TelemetryModel
import Testing
import TraceFormats

struct OTLPTraceProtobufTests {
  /// Every field with a value, encoded by the Python package opentelemetry-proto 1.45.2.
  private static let golden =
    "0aa4030a100a0c0a017312070a0574c3ab7874100612ff020a130a036c69621201311a070a01621202100020"
    + "0712dd020a10000102030405060708090a0b0c0d0e0f120808090a0b0c0d0e0f1a03613d6222080102030405"
    + "0607082a056ec3a46d6530053947414c26e0b6e91841ffffffffffffffff4a0c0a017312070a0574c3ab7874"
    + "4a070a0162120210004a100a0169120b18fbffffffffffffffff014a0e0a016412092100000000000000004a"
    + "090a017912043a0200ff4a070a016512020a004a050a016e12004a110a0161120c2a0a0a0218010a000a022a"
    + "004a250a016d1220321e0a0e0a016b12092100000000000004c00a0c0a016b12070a05616761696e50015a26"
    + "090700000000000000120265761a0c0a017312070a0574c3ab78741a070a016212021000200260036a4a0a10"
    + "101112131415161718191a1b1c1d1e1f120800010203040506071a03783d7922100a0169120b18fbffffffff"
    + "ffffffff01220e0a016412092100000000000000002804350001000070057a07120362616418028501010300"
    + "001a08687474703a2f2f6112040a0012001a08687474703a2f2f62"

  /// The same in Swift.
  private static let batches: [ResourceSpans] = {
    let attributes = [
      Attribute("s", .string("tëxt")), Attribute("b", .bool(false)), Attribute("i", .int(-5)),
      Attribute("d", .double(0)), Attribute("y", .bytes([0, 255])), Attribute("e", .string("")),
      Attribute("n", .empty), Attribute("a", .array([.int(1), .empty, .array([])])),
      Attribute(
        "m", .map([Attribute("k", .double(-2.5)), Attribute("k", .string("again"))])),
    ]
    var span = Span()
    span.traceID = TraceID(high: 0x0001_0203_0405_0607, low: 0x0809_0a0b_0c0d_0e0f)
    span.spanID = SpanID(0x0809_0a0b_0c0d_0e0f)
    span.parentSpanID = SpanID(0x0102_0304_0506_0708)
    span.traceState = "a=b"
    span.flags = 0x301
    span.name = "näme"
    span.kind = .consumer
    span.start = Timestamp(nanoseconds: 1_795_167_000_315_314_503)
    span.end = Timestamp(nanoseconds: -1)
    span.attributes = attributes
    span.droppedAttributesCount = 1
    var event = SpanEvent()
    event.time = Timestamp(nanoseconds: 7)
    event.name = "ev"
    event.attributes = Array(attributes[..<2])
    event.droppedAttributesCount = 2
    span.events = [event]
    span.droppedEventsCount = 3
    var link = SpanLink()
    link.traceID = TraceID(high: 0x1011_1213_1415_1617, low: 0x1819_1a1b_1c1d_1e1f)
    link.spanID = SpanID(0x0001_0203_0405_0607)
    link.traceState = "x=y"
    link.attributes = Array(attributes[2..<4])
    link.droppedAttributesCount = 4
    link.flags = 0x100
    span.links = [link]
    span.droppedLinksCount = 5
    span.status.code = SpanStatus.error
    span.status.message = "bad"
    var scope = ScopeSpans()
    scope.scope.name = "lib"
    scope.scope.version = "1"
    scope.scope.attributes = [attributes[1]]
    scope.scope.droppedAttributesCount = 7
    scope.scope.schemaURL = "http://a"
    scope.spans = [span]
    var empty = ScopeSpans()
    empty.spans = [Span()]
    var batch = ResourceSpans()
    batch.resource.attributes = [attributes[0]]
    batch.resource.droppedAttributesCount = 6
    batch.resource.schemaURL = "http://b"
    batch.scopes = [scope, empty]
    return [batch]
  }()

  @Test func readsAndWritesWhatTheOfficialPackageDoes() throws {
    let golden = try Hex.decode(Self.golden.utf8)
    #expect(try OTLPTraceProtobuf.decode(golden) == Self.batches)
    #expect(OTLPTraceProtobuf.encode(Self.batches) == golden)
  }

  @Test func jsonHoldsTheSame() throws {
    let json = OTLPTraceJSON.encode(Self.batches)
    #expect(try OTLPTraceJSON.decode(json) == Self.batches)
    let v3 = Array("{\"result\":".utf8) + json + Array("}".utf8)
    #expect(try OTLPTraceJSON.decode(v3) == Self.batches)
  }

  @Test func everyCutThrowsOrHoldsLess() throws {
    let golden = try Hex.decode(Self.golden.utf8)
    #expect(try OTLPTraceProtobuf.decode([]) == [])
    for count in 1..<golden.count {
      #expect(throws: TraceFormatError.self) {
        try OTLPTraceProtobuf.decode(Array(golden[..<count]))
      }
    }
  }

  @Test func everyFlippedByteIsSurvived() throws {
    let golden = try Hex.decode(Self.golden.utf8)
    for index in golden.indices {
      for flip in [UInt8(0x01), 0x80, 0xff] {
        var bytes = golden
        bytes[index] ^= flip
        guard let batches = try? OTLPTraceProtobuf.decode(bytes) else { continue }
        #expect(try OTLPTraceProtobuf.decode(OTLPTraceProtobuf.encode(batches)) == batches)
      }
    }
  }

  @Test(arguments: [
    // A trace id of 8 bytes, a span id of 16, a name that is not UTF-8.
    "0a0e120c120a0a080000000000000001", "0a1612141212121000000000000000000000000000000001",
    "0a08120612042a02c328",
  ])
  func refuses(hex: String) throws {
    let bytes = try Hex.decode(hex.utf8)
    #expect(throws: TraceFormatError.self) { try OTLPTraceProtobuf.decode(bytes) }
  }

  @Test func unknownFieldsAreLeftOut() throws {
    // Field 100 (varint) and field 101 (bytes) in a span named "n".
    let span: [UInt8] = [0x2a, 1, 0x6e, 0xa0, 0x06, 5, 0xaa, 0x06, 2, 1, 2]
    let group: [UInt8] = [0x12, UInt8(span.count)] + span
    let batch: [UInt8] = [0x12, UInt8(group.count)] + group
    let batches = try OTLPTraceProtobuf.decode([0x0a, UInt8(batch.count)] + batch)
    #expect(batches.first?.scopes.first?.spans.map(\.name) == ["n"])
  }

  @Test func limitsHold() throws {
    // Two bytes for each empty span.
    let spans: [UInt8] = (0..<50).flatMap { _ -> [UInt8] in [0x12, 0] }
    let bytes: [UInt8] = [0x0a, UInt8(spans.count + 2), 0x12, UInt8(spans.count)] + spans
    var limits = TraceDecodingLimits()
    limits.spansMax = 49
    #expect { try OTLPTraceProtobuf.decode(bytes, limits: limits) } throws: {
      ($0 as? TraceFormatError)?.kind == .overLimit
    }
    limits.spansMax = 50
    #expect(try OTLPTraceProtobuf.decode(bytes, limits: limits).spanCount == 50)
  }

  @Test(arguments: [32, 33, 2_000])
  func depthIsBounded(depth: Int) throws {
    var value = AttributeValue.int(1)
    for _ in 0..<depth { value = .array([value]) }
    var batch = ResourceSpans()
    batch.resource.attributes = [Attribute("deep", value)]
    let protobuf = OTLPTraceProtobuf.encode([batch])
    let json = OTLPTraceJSON.encode([batch])
    if depth <= 32 {
      #expect(try OTLPTraceProtobuf.decode(protobuf) == [batch])
      #expect(try OTLPTraceJSON.decode(json) == [batch])
    } else {
      #expect(throws: TraceFormatError.self) { try OTLPTraceProtobuf.decode(protobuf) }
      #expect(throws: TraceFormatError.self) { try OTLPTraceJSON.decode(json) }
    }
  }
}
