import Compression
import LinuxIO
import TelemetryModel
import Testing

@testable import LogSources

@Suite struct GELFTests {
  let peer = SocketAddress.ipv4(address: 0x7f00_0001, port: 9)
  let start = MonotonicTime(nanoseconds: 1_000_000_000)

  func chunks(_ bytes: [UInt8], count: Int, id: UInt8) -> [[UInt8]] {
    let size = (bytes.count + count - 1) / count
    return (0..<count).map { index in
      [0x1e, 0x0f] + [UInt8](repeating: id, count: 8) + [UInt8(index), UInt8(count)]
        + bytes.dropFirst(index * size).prefix(size)
    }
  }

  func take(_ assembly: inout GELFAssembly, _ datagram: [UInt8], at seconds: Double = 0) -> String?
  {
    datagram.withUnsafeBytes {
      assembly.take($0, from: peer, now: start.adding(seconds: seconds))
    }.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func compressedAndPlain() throws {
    var assembly = GELFAssembly()
    let text = #"{"version":"1.1","host":"a","short_message":"b"}"#
    #expect(take(&assembly, Array(text.utf8)) == text)
    #expect(take(&assembly, try Zlib.compress(Array(text.utf8), .zlib)) == text)
    #expect(take(&assembly, try Zlib.compress(Array(text.utf8), .gzip)) == text)
    #expect(take(&assembly, [0x1f, 0x8b, 1, 2, 3]) == nil)
    #expect(assembly.faults == 1)
  }

  @Test func chunksInAnyOrderAndMixed() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      var assembly = GELFAssembly()
      let texts = (0..<3).map { index in String(repeating: "\(index)", count: 300 + index) }
      var datagrams = texts.enumerated().flatMap { index, text in
        chunks(Array(text.utf8), count: [1, 7, 128][index], id: UInt8(index))
      }
      datagrams.shuffle(using: &generator)
      #expect(Set(datagrams.compactMap { take(&assembly, $0) }) == Set(texts))
      #expect(assembly.faults == 0)
    }
  }

  @Test func chunksThatWaitAreBounded() {
    var assembly = GELFAssembly()
    let body = [UInt8](repeating: 65, count: 60 << 10)
    for id in 0..<250 {
      for number: UInt8 in 0..<3 {
        let head: [UInt8] = [0x1e, 0x0f] + [UInt8](repeating: UInt8(id), count: 8) + [number, 128]
        #expect(take(&assembly, head + body) == nil)
        #expect(assembly.waitingBytes <= GELFAssembly.waitingBytesMax)
      }
    }
    #expect(assembly.faults > 50)
    // Others come through.
    #expect(take(&assembly, [0x1e, 0x0f, 255, 9, 9, 9, 9, 9, 9, 9, 0, 1, 65]) == "A")
    #expect(take(&assembly, Array("x".utf8), at: 10) == "x")
    #expect(assembly.waitingBytes == 0)
  }

  @Test(.timeLimit(.minutes(1))) func manyMembersTakeTimeInProportion() throws {
    let members = (0..<100_000).map { #""_m\#($0)":1"# } + [#""_m7":2"#]
    let message = try #require(GELFMessage(json: Array("{\(members.joined(separator: ","))}".utf8)))
    let line = String(decoding: message.line(), as: UTF8.self)
    #expect(line.contains(#""_m7":2"#) && !line.contains(#""_m7":1,"#))
  }

  @Test func incompleteMessagesAreGivenUp() {
    var assembly = GELFAssembly()
    let parts = chunks(Array("hello".utf8), count: 2, id: 1)
    #expect(take(&assembly, parts[0]) == nil)
    #expect(take(&assembly, parts[0], at: 1) == nil)
    #expect(take(&assembly, parts[1], at: 6) == nil)
    #expect(assembly.faults == 1)
    // Numbers that cannot be.
    #expect(take(&assembly, [0x1e, 0x0f, 1, 2, 3, 4, 5, 6, 7, 8, 2, 2, 65], at: 6) == nil)
    #expect(take(&assembly, [0x1e, 0x0f, 1, 2, 3, 4, 5, 6, 7, 8, 0, 129, 65], at: 6) == nil)
    #expect(take(&assembly, [0x1e, 0x0f, 1], at: 6) == nil)
    #expect(assembly.faults == 4)
  }

  /// The specification's example, and what go-gelf writes of it.
  @Test func linesAreAsGoGelfWritesThem() throws {
    let message = try #require(
      GELFMessage(
        json: Array(
          #"""
          {"version": "1.1", "host": "example.org", "short_message": "A <short> message",
           "full_message": "Backtrace here\n\nmore stuff", "timestamp": 1385053862.3072,
           "level": 1, "_user_id": 9001, "_some_info": "foo", "_map": {"b": [1, null], "a": true},
           "unknown": 1}
          """#.utf8)))
    #expect(message.levelName == "alert")
    #expect(message.timestamp == Timestamp(nanoseconds: 1_385_053_862_307_200_000))
    #expect(
      String(decoding: message.line(), as: UTF8.self)
        == #"{"version":"1.1","host":"example.org","short_message":"A \u003cshort\u003e message","#
        + #""full_message":"Backtrace here\n\nmore stuff","timestamp":1385053862.3072,"level":1,"#
        + #""_map":{"a":true,"b":[1,null]},"_some_info":"foo","_user_id":9001}"#)
    for text in ["[]", "{", #"{"host":1}"#, #"{"level":"x"}"#, #"{"level":1e99}"#] {
      #expect(GELFMessage(json: Array(text.utf8)) == nil, "\(text)")
    }
  }
}
