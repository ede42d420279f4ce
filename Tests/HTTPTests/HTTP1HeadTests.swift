import CHTTPParser
import Testing

@testable import HTTP

/// The strict reader of heads and chunks: refused cases one by one, and http_parser as a judge.
@Suite struct HTTP1HeadTests {
  static func status(_ text: String) -> Int {
    do {
      _ = try HTTP1Head.parse(Array(text.utf8), fieldsMax: 5)
      return 200
    } catch {
      return error.status.code
    }
  }

  static let get = "GET / HTTP/1.1\r\nHost: a\r\n"

  @Test(arguments: [
    (get + "\r\n", 200), ("GET / HTTP/1.0\r\n\r\n", 200),
    ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ("GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", 200), (get + "A:\r\n\r\n", 200),
    (get + "A: \t b \t\r\n\r\n", 200), (get + "A: b\u{e9}\r\n\r\n", 200),
    ("GET / HTTP/1.1\r\n\r\n", 400), (get + "Host: b\r\n\r\n", 400),
    (get + "A : b\r\n\r\n", 400), (get + " A: b\r\n\r\n", 400),
    (get + "A: b\r\n c\r\n\r\n", 400), (get + "A: b\r\n\tc\r\n\r\n", 400),
    (get + ": b\r\n\r\n", 400), (get + "A\r\n\r\n", 400), (get + "A: b\n\r\n", 400),
    (get + "A: b\rc\r\n\r\n", 400), (get + "A: b\u{0}\r\n\r\n", 400),
    (get + "A(: b\r\n\r\n", 400), (get + "A: \u{7f}\r\n\r\n", 400),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
    (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("G\u{0}T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET / HTTP/1.1\nHost: a\n\n", 400), ("GET /\r\nHost: a\r\n\r\n", 400),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    (get + "Content-Length: 5\r\n\r\n", 200), (get + "Content-Length: +5\r\n\r\n", 400),
    (get + "Content-Length: -5\r\n\r\n", 400), (get + "Content-Length: 5 5\r\n\r\n", 400),
    (get + "Content-Length: 5, 5\r\n\r\n", 400), (get + "Content-Length: 0x5\r\n\r\n", 400),
    (get + "Content-Length:\r\n\r\n", 400),
    (get + "Content-Length: 99999999999999999999\r\n\r\n", 400),
    (get + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
    (get + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
    (get + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (get + "Transfer-Encoding: chunked\r\n\r\n", 200),
    (get + "Transfer-Encoding: Chunked\r\n\r\n", 200),
    (get + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    (get + "Transfer-Encoding: chunked, gzip\r\n\r\n", 400),
    (get + "Transfer-Encoding: chunked, chunked\r\n\r\n", 400),
    (get + "Transfer-Encoding: \u{b}chunked\r\n\r\n", 400),
    (get + "Transfer-Encoding: xchunked\r\n\r\n", 400),
    (get + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (get + "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n\r\n", 431),
    (get + "Expect: 100-Continue\r\n\r\n", 200), (get + "Expect: more\r\n\r\n", 417),
  ])
  func heads(_ text: String, _ expected: Int) { #expect(Self.status(text) == expected) }

  /// What http_parser makes of a whole message: its fields and body, or `nil` where it refuses.
  private final class Judge {
    var names: [String] = []
    var values: [String] = []
    var body: [UInt8] = []
    var isComplete = false

    static func judge(_ message: [UInt8]) -> Judge? {
      let judge = Judge()
      var settings = http_parser_settings()
      http_parser_settings_init(&settings)
      settings.on_header_field = { parser, bytes, count in
        Judge.of(parser)?.names.append(Judge.text(bytes, count))
        return 0
      }
      settings.on_header_value = { parser, bytes, count in
        Judge.of(parser)?.values.append(Judge.text(bytes, count))
        return 0
      }
      settings.on_body = { parser, bytes, count in
        let piece = UnsafeRawBufferPointer(start: bytes, count: count)
        Judge.of(parser)?.body.append(contentsOf: piece)
        return 0
      }
      settings.on_message_complete = { parser in
        Judge.of(parser)?.isComplete = true
        return 0
      }
      var parser = http_parser()
      http_parser_init(&parser, HTTP_REQUEST)
      parser.data = Unmanaged.passUnretained(judge).toOpaque()
      let count = message.withUnsafeBytes {
        http_parser_execute(
          &parser, &settings, $0.bindMemory(to: CChar.self).baseAddress, $0.count)
      }
      return count == message.count && judge.isComplete ? judge : nil
    }

    static func of(_ parser: UnsafeMutablePointer<http_parser>?) -> Judge? {
      parser?.pointee.data.map { Unmanaged<Judge>.fromOpaque($0).takeUnretainedValue() }
    }

    static func text(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> String {
      String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }
  }

  private func ours(_ message: [UInt8]) -> (HTTPHeaders, [UInt8])? {
    guard
      let end = (3..<message.count).first(where: { message[($0 - 3)...$0] == [13, 10, 13, 10] }),
      let head = try? HTTP1Head.parse(Array(message[...end]), fieldsMax: 100)
    else { return nil }
    let rest = Array(message[(end + 1)...])
    guard case .chunked = head.framing else {
      return head.framing == .length(rest.count) ? (head.headers, rest) : nil
    }
    var decoder = HTTP1ChunkDecoder()
    var body: [UInt8] = []
    let used = rest.withUnsafeBytes { bytes -> Int? in
      do { return try decoder.decode(bytes) { body += $0 } } catch { return nil }
    }
    return used == rest.count && decoder.isEnded ? (head.headers, body) : nil
  }

  @Test func whatWeAcceptHTTPParserReadsAlike() throws {
    var random = SystemRandomNumberGenerator()
    let seeds = [
      "POST /a?b=c HTTP/1.1\r\nHost: a\r\nX: y z\r\nContent-Length: 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n"
        + "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nT: u\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nEmpty:\r\nConnection: keep-alive, x\r\n\r\n",
    ].map { Array($0.utf8) }
    let odd = Array("\r\n :;,0123aAfFzZ\u{0}\u{7f}-".utf8)
    var accepted = 0
    for round in 0..<60_000 {
      var message = seeds[round % seeds.count]
      for _ in 0..<Int.random(in: 0...2, using: &random) {
        let place = Int.random(in: 0..<message.count, using: &random)
        let byte = odd.randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<3, using: &random) {
        case 0: message[place] = byte
        case 1: message.insert(byte, at: place)
        default: message.remove(at: place)
        }
      }
      guard let (headers, body) = ours(message) else { continue }
      accepted += 1
      let text = String(decoding: message, as: UTF8.self).debugDescription
      // It knows only the methods and versions of its list, and trims fields otherwise.
      guard let judge = Judge.judge(message) else {
        let isKnownMethod = ["POST ", "GET "].contains { text.dropFirst().hasPrefix($0) }
        #expect(
          !isKnownMethod || text.contains("Connection") || text.contains("Upgrade"), "\(text)")
        continue
      }
      #expect(judge.body == body, "\(text)")
      let names = headers.all.map(\.name)
      #expect(Array(judge.names.prefix(names.count)) == names, "\(text)")
    }
    #expect(accepted > 10_000)
  }

  @Test(arguments: [
    "5\rXhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n",
    "5\r\nhelloXX0\r\n\r\n", "5;a\nb\r\nhello\r\n0\r\n\r\n", "\r\n", "-1\r\n", "0x5\r\nhello\r\n",
    "fffffffffffff\r\n", "0\r\n:\r\n\r\n", "0\r\nA: \u{0}\r\n\r\n", "0\r\n\r\r\n",
    "0\r\nT u\r\n\r\n",
  ])
  func malformedChunksAreRefused(_ text: String) { #expect(Self.decode(text) == nil) }

  @Test func chunkOverheadIsBounded() {
    #expect(Self.decode("1;" + String(repeating: "x", count: 100_000)) == nil)
    #expect(Self.decode("1;" + String(repeating: "x", count: 1000) + "\r\na\r\n0\r\n\r\n") == 1)
  }

  /// The length of a chunked body, or `nil` where it is refused.
  private static func decode(_ text: String) -> Int? {
    var decoder = HTTP1ChunkDecoder()
    var count = 0
    return Array(text.utf8).withUnsafeBytes { bytes -> Int? in
      do {
        _ = try decoder.decode(bytes) { count += $0.count }
        return count
      } catch {
        return nil
      }
    }
  }
}
