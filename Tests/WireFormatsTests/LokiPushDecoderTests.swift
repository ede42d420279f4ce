import Compression
import TelemetryModel
import Testing
import WireFormats

@Suite struct LokiPushDecoderTests {
  private func rows(_ labels: Labels, _ entries: [(Int64, String, [Label])]) -> StreamRows {
    var rows = StreamRows(labels: labels)
    for (time, line, metadata) in entries {
      rows.append(
        LogEntry(
          timestamp: Timestamp(nanoseconds: time), line: Array(line.utf8),
          structuredMetadata: metadata))
    }
    return rows
  }

  private func isEqual(_ a: StreamRows, _ b: StreamRows) -> Bool {
    a.labels == b.labels && a.count == b.count
      && (0..<a.count).allSatisfy { a.entry($0) == b.entry($0) }
  }

  @Test func whatIsEncodedIsDecoded() throws {
    let streams = [
      rows(
        ["app": "api", "env": "a\"b\\c\nd é"],
        [
          (1_795_235_940_123_456_789, "one", []),
          (0, "", [Label("trace_id", "x"), Label("k", "")]),
          (-1, "before 1970", []), (-1_000_000_000, "a whole second before", []),
        ]),
      rows(["app": "none"], []),
    ]
    let push = try LokiPushDecoder().decodeSnappy(LokiPushEncoder.encode(streams))
    #expect(push.streams.count == 2)
    #expect(isEqual(push.streams[0], streams[0]))
    #expect(isEqual(push.streams[1], streams[1]))
    let entries = streams.map { stream in
      var entries = EncodedEntries(labels: stream.labels)
      for row in 0..<stream.count {
        let entry = stream.entry(row)
        entry.line.withUnsafeBytes {
          entries.append(
            line: $0, timestamp: entry.timestamp, structuredMetadata: entry.structuredMetadata)
        }
      }
      return entries
    }
    let whole = LokiPushEncoder.encodeProtobuf(streams)
    let packed = LokiPushEncoder.encode(entries)
    #expect(try Snappy.decompress(packed, bytesMax: whole.count) == whole)
  }

  /// Bytes written by hand after push.proto, not by our encoder.
  @Test func readsProtobufWrittenByHand() throws {
    func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
      [number << 3 | 2, UInt8(bytes.count)] + bytes
    }
    let entry =
      field(1, [0x08, 0x80, 0x94, 0xeb, 0xdc, 0x03, 0x10, 0x05]) + field(2, Array("line".utf8))
      + field(3, field(1, [0x6b]) + field(2, [0x76])) + field(9, [1, 2, 3])
    // Labels after entries, an unknown fixed64 and the hash: all allowed.
    let stream =
      field(2, entry) + [0x39, 1, 2, 3, 4, 5, 6, 7, 8] + field(1, Array("{a=\"b\"}".utf8))
      + [0x18, 0x7f]
    let push = try LokiPushDecoder().decodeProtobuf(field(1, stream))
    let only = try #require(push.streams.first)
    #expect(only.labels == ["a": "b"])
    #expect(
      only.entry(0)
        == LogEntry(
          timestamp: Timestamp(nanoseconds: 1_000_000_000_000_000_005),
          line: Array("line".utf8), structuredMetadata: [Label("k", "v")]))
  }

  @Test func aBodyCutAnywhereIsRefusedOrShorter() throws {
    let streams = [
      rows(["a": "b"], [(1, "first", [Label("k", "v")]), (2, "second", [])]),
      rows(["a": "c"], [(3, "third", [])]),
    ]
    let whole = LokiPushEncoder.encodeProtobuf(streams)
    let decoder = LokiPushDecoder()
    for length in 0..<whole.count {
      guard let push = try? decoder.decodeProtobuf(Array(whole[..<length])) else { continue }
      // Only a cut between two streams can go unnoticed.
      #expect(push.streams.count < 2)
      for (stream, original) in zip(push.streams, streams) { #expect(isEqual(stream, original)) }
    }
    let packed = LokiPushEncoder.encode(streams)
    for length in 0..<packed.count {
      #expect(throws: LokiPushError.self) { try decoder.decodeSnappy(Array(packed[..<length])) }
    }
  }

  @Test func everyFlippedByteIsRefusedOrDecoded() {
    let whole = LokiPushEncoder.encodeProtobuf([
      rows(["a": "b"], [(1, "first", [Label("k", "v")]), (2, "second", [])])
    ])
    let decoder = LokiPushDecoder()
    for index in whole.indices {
      for value in UInt8.min...UInt8.max {
        var body = whole
        body[index] = value
        _ = try? decoder.decodeProtobuf(body)
        _ = try? decoder.decodeSnappy(body)
      }
    }
  }

  @Test func lengthsThatLieReserveNothing() {
    // A stream of 2^63 bytes, a snappy header of 4 GiB.
    #expect(throws: LokiPushError("unexpected EOF")) {
      try LokiPushDecoder().decodeProtobuf([
        0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
      ])
    }
    let decoder = LokiPushDecoder(limits: LokiPushLimits(decodedBytesMax: 1000))
    #expect(throws: LokiPushError.self) {
      try decoder.decodeSnappy([0xff, 0xff, 0xff, 0xff, 0x0f, 0])
    }
    let bomb = Snappy.compress([UInt8](repeating: 0, count: 1001))
    let refusal = #expect(throws: LokiPushError.self) { try decoder.decodeSnappy(bomb) }
    #expect(refusal?.status == 413)
  }

  @Test func deepJSONDoesNotExhaustTheStack() {
    let deep = Array((String(repeating: "[", count: 1_000_000)).utf8)
    #expect(throws: LokiPushError.self) { try LokiPushDecoder().decodeJSON(deep) }
    let nested =
      "{\"x\":" + String(repeating: "{\"a\":", count: 100_000) + "1"
      + String(repeating: "}", count: 100_000) + "}"
    #expect(throws: Never.self) { try LokiPushDecoder().decodeJSON(Array(nested.utf8)) }
  }

  @Test func aJSONBodyCutAnywhereIsRefused() {
    let body = Array(
      #"{"streams":[{"stream":{"a":"bé😀"},"values":[["1","x\u00e9\ud83d\ude00",{"k":"v"}]]}]}"#
        .utf8)
    for length in 0..<body.count {
      #expect(throws: LokiPushError.self) {
        try LokiPushDecoder().decodeJSON(Array(body[..<length]))
      }
    }
    #expect(throws: Never.self) {
      let push = try LokiPushDecoder().decodeJSON(body)
      #expect(push.streams[0].entry(0).line == Array("xé😀".utf8))
      #expect(push.streams[0].metadata(0) == [Label("k", "v")])
    }
  }

  @Test func timesAreReadAsGoDoes() {
    #expect(GoTime.parse("2026-11-21T04:39:01.5+01:00") == GoTime.parse("2026-11-21T03:39:01.5Z"))
    #expect(GoTime.parse("1970-01-01T00:00:01Z") == Timestamp(seconds: 1))
    #expect(GoTime.parse("yesterday") == nil)
    #expect(GoTime.rfc3339(Timestamp(nanoseconds: -1)) == "1969-12-31T23:59:59Z")
    #expect(GoTime.rfc3339(Timestamp(seconds: 951_782_400)) == "2000-02-29T00:00:00Z")
    for seconds in stride(from: Int64(-9_000_000_000), to: 9_000_000_000, by: 86_399 * 997) {
      let time = Timestamp(seconds: seconds)
      #expect(GoTime.parse(GoTime.rfc3339(time)) == time)
    }
  }

  @Test func namesThatAreNoIdentifiersAreReadAsTheyWereWritten() throws {
    let labels: Labels = ["a.b": "1", "c": "p", "9": "x\"y"]
    let body = LokiPushEncoder.encode([rows(labels, [(1, "line", [])])])
    #expect(try LokiPushDecoder().decodeSnappy(body).streams[0].labels == labels)
  }
}
