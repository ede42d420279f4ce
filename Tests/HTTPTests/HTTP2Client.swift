import CNGHTTP2
import Foundation
import Testing

/// HTTP/2 frames by hand over a raw socket; fields come back by nghttp2's own inflater.
final class HTTP2Client {
  struct Frame {
    var type: UInt8
    var flags: UInt8
    var stream: Int
    var payload: [UInt8]

    /// The error code of RST_STREAM (3) or GOAWAY (7).
    var errorCode: Int? {
      switch type {
      case 3: payload.reduce(0) { $0 << 8 | Int($1) }
      case 7: payload[4..<8].reduce(0) { $0 << 8 | Int($1) }
      default: nil
      }
    }
  }

  let raw: RawClient
  private var inflater: OpaquePointer?

  init(_ port: UInt16) throws {
    raw = try RawClient(port)
    try #require(nghttp2_hd_inflate_new(&inflater) == 0)
    raw.send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Self.frame(4, 0, 0, []))
  }

  deinit { nghttp2_hd_inflate_del(inflater) }

  static func frame(_ type: UInt8, _ flags: UInt8, _ stream: Int, _ payload: [UInt8]) -> [UInt8] {
    let length = payload.count
    let head = [
      UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags,
      UInt8(stream >> 24), UInt8(stream >> 16 & 255), UInt8(stream >> 8 & 255), UInt8(stream & 255),
    ]
    return head + payload
  }

  /// Fields as literals that are not remembered.
  static func block(_ fields: [(String, String)]) -> [UInt8] {
    fields.flatMap { name, value in [0] + string(name) + string(value) }
  }

  private static func string(_ text: String) -> [UInt8] {
    var length = text.utf8.count
    guard length >= 127 else { return [UInt8(length)] + text.utf8 }
    var out: [UInt8] = [127]
    length -= 127
    while length >= 128 {
      out.append(UInt8(length & 127) | 128)
      length >>= 7
    }
    return out + [UInt8(length)] + text.utf8
  }

  static func request(
    _ method: String, _ path: String, _ more: [(String, String)] = []
  ) -> [UInt8] {
    block(
      [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a")] + more)
  }

  func send(_ type: UInt8, _ flags: UInt8, _ stream: Int, _ payload: [UInt8]) {
    raw.send(Self.frame(type, flags, stream, payload))
  }

  /// The next frame, or `nil` at the connection's end.
  func receive() -> Frame? {
    let head = raw.receive(count: 9)
    guard head.count == 9 else { return nil }
    let length = head[..<3].reduce(0) { $0 << 8 | Int($1) }
    let stream = head[5...].reduce(0) { $0 << 8 | Int($1) }
    return Frame(
      type: head[3], flags: head[4], stream: stream, payload: raw.receive(count: length))
  }

  struct Response {
    var fields: [String: String] = [:]
    var body: [UInt8] = []
    var reset: Int?
    var isEnded = false
  }

  /// Reads until that stream ends; pings and settings of the server are passed over.
  func response(_ stream: Int) throws -> Response {
    var response = Response()
    while let frame = receive() {
      if frame.type == 7 { try #require(frame.errorCode == 0, "GOAWAY \(frame.errorCode ?? -1)") }
      guard frame.stream == stream else { continue }
      switch frame.type {
      case 0: response.body += frame.payload
      case 1: response.fields.merge(try inflate(frame.payload)) { $1 }
      case 3:
        response.reset = frame.errorCode
        return response
      default: break
      }
      if frame.type < 2, frame.flags & 1 == 1 {
        response.isEnded = true
        return response
      }
    }
    return response
  }

  private func inflate(_ payload: [UInt8]) throws -> [String: String] {
    var out: [String: String] = [:]
    var rest = payload
    while true {
      var field = nghttp2_nv()
      var flags: Int32 = 0
      let count = nghttp2_hd_inflate_hd2(inflater, &field, &flags, rest, rest.count, 1)
      try #require(count >= 0)
      rest.removeFirst(count)
      if UInt32(flags) & NGHTTP2_HD_INFLATE_EMIT.rawValue != 0 {
        let name = UnsafeBufferPointer(start: field.name, count: field.namelen)
        let value = UnsafeBufferPointer(start: field.value, count: field.valuelen)
        out[String(decoding: name, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
      }
      if UInt32(flags) & NGHTTP2_HD_INFLATE_FINAL.rawValue != 0 {
        nghttp2_hd_inflate_end_headers(inflater)
        return out
      }
      if rest.isEmpty, count == 0 { return out }
    }
  }

  /// The code of the GOAWAY that ends the connection; `nil` where it ends without one.
  func goAway() -> Int? {
    var code: Int?
    while let frame = receive() { if frame.type == 7 { code = frame.errorCode } }
    return code
  }
}
