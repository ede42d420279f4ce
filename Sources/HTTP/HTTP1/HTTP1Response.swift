import Bytes

/// Writes one HTTP/1 response: its head, and its body in the framing that fits.
struct HTTP1Response {
  private enum Framing {
    case none
    case length(remaining: Int)
    case chunked
    /// The connection's end is the body's; HTTP/1.0.
    case untilClose
  }

  private var framing = Framing.none
  /// The body was shorter than its Content-Length: the client must not wait for the rest.
  private(set) var isShort = false

  /// Writes the status line and the fields.
  ///
  /// With `length` the body has that many bytes; without, a Content-Length among the headers is
  /// used, or the body is chunked. Clears `keepsAlive` where the connection must end with it.
  mutating func begin(
    _ status: HTTPStatus, _ headers: HTTPHeaders, length: Int?, isHead: Bool, isOld: Bool,
    keepsAlive: inout Bool, date: [UInt8], into output: inout OutputQueue
  ) {
    var stated = length
    if stated == nil, let text = headers["content-length"] { stated = Int(text) }
    var isChunked = false
    if status.isBodiless {
      framing = .none
    } else if let stated {
      framing = .length(remaining: stated)
    } else if isOld {
      framing = .untilClose
      keepsAlive = false
    } else {
      framing = .chunked
      isChunked = true
    }
    if headers.listContains("connection", "close") { keepsAlive = false }
    let persists = keepsAlive
    output.edit { out in
      out.append(utf8: "HTTP/1.1 ")
      Self.appendDecimal(status.code, to: &out)
      out.append(0x20)
      out.append(utf8: status.reason)
      out.append(utf8: "\r\ndate: ")
      out.append(contentsOf: date)
      out.append(utf8: "\r\n")
      Self.append(headers, to: &out)
      if isChunked {
        out.append(utf8: "transfer-encoding: chunked\r\n")
      } else if !status.isBodiless, let stated {
        out.append(utf8: "content-length: ")
        Self.appendDecimal(stated, to: &out)
        out.append(utf8: "\r\n")
      }
      if !persists {
        out.append(utf8: "connection: close\r\n")
      } else if isOld {
        out.append(utf8: "connection: keep-alive\r\n")
      }
      out.append(utf8: "\r\n")
    }
  }

  /// Writes body bytes; beyond a stated length they are dropped.
  mutating func write(_ bytes: [UInt8], into output: inout OutputQueue) {
    switch framing {
    case .none: return
    case .untilClose: output.append(bytes)
    case .chunked:
      output.append("\(String(bytes.count, radix: 16))\r\n".utf8)
      output.append(bytes)
      output.append("\r\n".utf8)
    case .length(let remaining):
      let count = min(remaining, bytes.count)
      output.append(count == bytes.count ? bytes : Array(bytes[..<count]))
      framing = .length(remaining: remaining - count)
    }
  }

  mutating func end(_ trailers: HTTPHeaders, into output: inout OutputQueue) {
    switch framing {
    case .none, .untilClose: break
    case .length(let remaining): isShort = remaining > 0
    case .chunked:
      output.edit { out in
        out.append(utf8: "0\r\n")
        Self.append(trailers, to: &out)
        out.append(utf8: "\r\n")
      }
    }
    framing = .none
  }

  /// Writes fields but those that frame the message, which are the engine's own.
  static func append(_ headers: HTTPHeaders, to out: inout [UInt8]) {
    for field in headers.fields {
      let name = headers.name(field)
      if isOwn(name) { continue }
      out.append(contentsOf: name)
      out.append(0x3a)
      out.append(0x20)
      out.append(contentsOf: headers.bytes(field))
      out.append(0x0d)
      out.append(0x0a)
    }
  }

  static func isOwn(_ name: ArraySlice<UInt8>) -> Bool {
    switch name.count {
    case 4: asciiEqual(name, "date".utf8)
    case 10: asciiEqual(name, "connection".utf8) || asciiEqual(name, "keep-alive".utf8)
    case 14: asciiEqual(name, "content-length".utf8)
    case 17: asciiEqual(name, "transfer-encoding".utf8)
    default: false
    }
  }

  static func appendDecimal(_ number: Int, to out: inout [UInt8]) {
    if number >= 10 { appendDecimal(number / 10, to: &out) }
    out.append(UInt8(0x30 + number % 10))
  }
}
