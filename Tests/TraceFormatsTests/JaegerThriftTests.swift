import Bytes
import TelemetryModel
import TestSupport
import Testing
import TraceFormats
import WireFormats

/// Writes Thrift's binary protocol, for bodies that no client sends.
struct ThriftBytes {
  var bytes: [UInt8] = []

  mutating func field(_ type: UInt8, _ number: Int16) {
    bytes.append(type)
    bytes.appendBigEndian(number)
  }

  mutating func int64(_ number: Int16, _ value: Int64) {
    field(10, number)
    bytes.appendBigEndian(value)
  }

  mutating func int32(_ number: Int16, _ value: Int32) {
    field(8, number)
    bytes.appendBigEndian(value)
  }

  mutating func text(_ number: Int16, _ value: [UInt8]) {
    field(11, number)
    bytes.appendBigEndian(Int32(value.count))
    bytes += value
  }

  mutating func list(_ number: Int16, _ type: UInt8 = 12, count: Int32) {
    field(15, number)
    bytes.append(type)
    bytes.appendBigEndian(count)
  }

  mutating func stop() { bytes.append(0) }

  mutating func process(_ service: String) {
    field(12, 1)
    text(1, Array(service.utf8))
    stop()
  }

  /// A span's required fields but those in `without`; `more` comes before its end.
  mutating func span(
    id: Int64, without: Set<Int16> = [], _ more: (inout ThriftBytes) -> Void = { _ in }
  ) {
    for number in [Int16(1), 2, 3, 4] where !without.contains(number) {
      int64(number, number == 3 ? id : Int64(number))
    }
    if !without.contains(5) { text(5, Array("op".utf8)) }
    if !without.contains(7) { int32(7, 1) }
    if !without.contains(8) { int64(8, 1_000) }
    if !without.contains(9) { int64(9, 5) }
    more(&self)
    stop()
  }
}

struct JaegerThriftTests {
  private func batches(_ body: [UInt8]) throws -> [ResourceSpans] {
    let spans = try JaegerThrift.transcode(body)
    let batches = try OTLPTraceProtobuf.decode(spans.request)
    #expect(batches.spanCount == spans.spanCount)
    return batches
  }

  @Test func theProcessMayComeBehindTheSpans() throws {
    var thrift = ThriftBytes()
    thrift.list(2, count: 2)
    thrift.span(id: 7)
    thrift.span(id: 8)
    thrift.process("shop")
    thrift.stop()
    let batch = try #require(try batches(thrift.bytes).first)
    #expect(batch.resource.serviceName == "shop")
    #expect(batch.scopes[0].spans.map(\.spanID) == [SpanID(7), SpanID(8)])
    #expect(batch.scopes[0].spans[0].traceID == TraceID(high: 2, low: 1))
    #expect(batch.scopes[0].spans[0].start == Timestamp(nanoseconds: 1_000_000))
    #expect(batch.scopes[0].spans[0].end == Timestamp(nanoseconds: 1_005_000))
  }

  @Test(arguments: [Int16(1), 2, 3, 4, 5, 7, 8, 9])
  func requiredFieldsAreNamed(number: Int16) throws {
    var thrift = ThriftBytes()
    thrift.process("shop")
    thrift.list(2, count: 1)
    thrift.span(id: 7, without: [number])
    thrift.stop()
    #expect {
      try JaegerThrift.transcode(thrift.bytes)
    } throws: { error in
      (error as? TraceFormatError)?.message.hasPrefix("Required field ") == true
    }
  }

  @Test func spansWithoutIDsRefuseTheBatch() throws {
    var thrift = ThriftBytes()
    thrift.process("shop")
    thrift.list(2, count: 2)
    thrift.span(id: 7)
    thrift.span(id: 0)
    thrift.stop()
    #expect(throws: TraceFormatError.self) { try JaegerThrift.transcode(thrift.bytes) }
  }

  @Test func textThatIsNoUTF8IsRepairedAndKeysComeOnce() throws {
    var thrift = ThriftBytes()
    thrift.process("shop")
    thrift.list(2, count: 1)
    thrift.span(id: 7) { span in
      span.list(10, count: 40)
      for index in 0..<40 {
        span.text(1, index % 2 == 0 ? [0x61, 0xff] : Array("k\(index)".utf8))
        span.int32(2, 0)
        span.text(3, Array("v\(index)".utf8))
        span.stop()
      }
    }
    thrift.stop()
    let span = try #require(try batches(thrift.bytes).first?.scopes[0].spans[0])
    #expect(span.attributes.count == 21)
    #expect(span.attributes[0] == Attribute("a\u{fffd}", .string("v38")))
    #expect(span.attributes[20] == Attribute("k39", .string("v39")))
  }

  @Test func countsThatPromiseTooMuchAreRefused() {
    for count in [Int32.max, 1_000_000, -1] {
      var thrift = ThriftBytes()
      thrift.process("shop")
      thrift.list(2, count: count)
      #expect(throws: TraceFormatError.self) { try JaegerThrift.transcode(thrift.bytes) }
    }
    var deep: [UInt8] = []
    for _ in 0..<100 { deep += [12, 0, 9] }
    #expect(throws: TraceFormatError.self) { try JaegerThrift.transcode(deep) }
  }

  @Test(.enabled(if: RecordedTraces.arePresent, "the recorded traces are not here"))
  func cutAndChangedDatagramsThrowOrHoldSpans() throws {
    var random = RandomSource(seed: 7)
    for (group, encoding) in [
      ("jaeger-udp-compact", ThriftReader.Encoding.compact), ("jaeger-udp-binary", .binary),
    ] {
      let whole = try RecordedTraces.payloads(group)[0]
      for count in 0..<min(whole.count, 600) {
        #expect(throws: TraceFormatError.self) {
          try whole.withUnsafeBytes {
            try JaegerThrift.transcode(
              datagram: UnsafeRawBufferPointer(rebasing: $0[..<count]), encoding)
          }
        }
      }
      for _ in 0..<500 {
        var changed = whole
        changed[Int(random.next() % UInt64(changed.count))] = UInt8(
          truncatingIfNeeded: random.next())
        let spans = changed.withUnsafeBytes {
          try? JaegerThrift.transcode(datagram: $0, encoding)
        }
        if let spans { _ = try OTLPTraceProtobuf.decode(spans.request) }
      }
    }
  }
}
