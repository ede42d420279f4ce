/// The head of an HTTP/1 request, read strictly by RFC 9112.
struct HTTP1Head {
  var method: HTTPMethod
  var target: String
  var version: HTTPVersion
  var headers: HTTPHeaders
  var framing: Framing
  var keepsAlive: Bool
  var expectsContinue: Bool

  /// How the body's end is found; RFC 9112, section 6.
  enum Framing: Equatable {
    case length(Int)
    case chunked
  }

  /// Reads a head that ends with its blank line; leading blank lines were dropped before.
  ///
  /// Lines end with CR LF and nothing else. Refused with 400: a blank before a colon, folded
  /// lines, bare CR or LF, control characters, both lengths, repeated or malformed lengths,
  /// a missing or repeated Host. Codings other than `chunked` are answered 501.
  static func parse(_ bytes: [UInt8], fieldsMax: Int) throws(HTTPError) -> HTTP1Head {
    guard let lineEnd = bytes.firstIndex(of: 0x0a), lineEnd > 0, bytes[lineEnd - 1] == 0x0d else {
      throw .malformed("the request line does not end with CR LF")
    }
    let line = try requestLine(bytes[..<(lineEnd - 1)])
    let fields = try fields(bytes, from: lineEnd + 1, fieldsMax: fieldsMax)
    let headers = HTTPHeaders(buffer: bytes, fields: fields)
    let isOld = line.version == .http1_0
    if headers.occurrences("host") != 1, !(isOld && !headers.contains("host")) {
      throw .malformed("the request needs exactly one Host field")
    }
    var keepsAlive = !isOld
    if headers.contains("connection") {
      if headers.listContains("connection", "close") {
        keepsAlive = false
      } else if isOld {
        keepsAlive = headers.listContains("connection", "keep-alive")
      }
    }
    var expectsContinue = false
    if let expectation = headers["expect"] {
      guard asciiEqual(expectation.utf8, "100-continue".utf8) else {
        throw .malformed("the expectation is not known", status: .expectationFailed)
      }
      expectsContinue = !isOld
    }
    return HTTP1Head(
      method: line.method, target: line.target, version: line.version, headers: headers,
      framing: try framing(headers, isOld: isOld), keepsAlive: keepsAlive,
      expectsContinue: expectsContinue)
  }

  private static func requestLine(_ line: ArraySlice<UInt8>) throws(HTTPError)
    -> (method: HTTPMethod, target: String, version: HTTPVersion)
  {
    guard let methodEnd = line.firstIndex(of: 0x20), methodEnd > line.startIndex,
      methodEnd - line.startIndex <= 32, line[..<methodEnd].allSatisfy(isTokenByte)
    else { throw .malformed("the request line has no method") }
    let afterMethod = line[(methodEnd + 1)...]
    guard let targetEnd = afterMethod.firstIndex(of: 0x20), targetEnd > afterMethod.startIndex
    else { throw .malformed("the request line has no target or no version") }
    let target = afterMethod[..<targetEnd]
    // Visible ASCII alone; what else there is must be escaped.
    guard target.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw .malformed("the request's target has a byte that must be escaped")
    }
    let version = afterMethod[(targetEnd + 1)...]
    guard version.count == 8, version.starts(with: "HTTP/".utf8) else {
      throw .malformed("the request line has no HTTP version")
    }
    let known: HTTPVersion
    if version.elementsEqual("HTTP/1.1".utf8) {
      known = .http1_1
    } else if version.elementsEqual("HTTP/1.0".utf8) {
      known = .http1_0
    } else {
      throw .malformed("the HTTP version is not 1.0 or 1.1", status: .versionNotSupported)
    }
    let text = String(decoding: target, as: UTF8.self)
    return (HTTPMethod(line[..<methodEnd]), try originForm(text), known)
  }

  /// The path and query of a target in origin, absolute or asterisk form.
  private static func originForm(_ target: String) throws(HTTPError) -> String {
    if target.hasPrefix("/") || target == "*" { return target }
    for scheme in ["http://", "https://"] where target.lowercased().hasPrefix(scheme) {
      let rest = target.dropFirst(scheme.count)
      guard let start = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return "/" }
      return rest[start] == "/" ? String(rest[start...]) : "/" + rest[start...]
    }
    throw .malformed("the request's target is neither a path nor an http URL")
  }

  private static func fields(_ bytes: [UInt8], from start: Int, fieldsMax: Int)
    throws(HTTPError) -> [HTTPHeaders.Field]
  {
    var out: [HTTPHeaders.Field] = []
    out.reserveCapacity(16)
    var failure: HTTPError?
    bytes.withUnsafeBufferPointer { bytes in
      var index = start
      while failure == nil {
        var end = index
        while end < bytes.count, bytes[end] != 0x0a { end += 1 }
        guard end < bytes.count, end > index, bytes[end - 1] == 0x0d else {
          failure = .malformed("a header line does not end with CR LF")
          return
        }
        if end - 1 == index { return }
        guard out.count < fieldsMax else {
          failure = .malformed(
            "the request has more than \(fieldsMax) header fields", status: .headerFieldsTooLarge)
          return
        }
        switch field(bytes, index, end - 1) {
        case .success(let field): out.append(field)
        case .failure(let error): failure = error
        }
        index = end + 1
      }
    }
    if let failure { throw failure }
    return out
  }

  private static func field(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int)
    -> Result<HTTPHeaders.Field, HTTPError>
  {
    var colon = start
    while colon < end, isTokenByte(bytes[colon]) { colon += 1 }
    guard colon > start, colon < end, bytes[colon] == 0x3a else {
      // A folded line begins with a blank and ends up here too.
      return .failure(.malformed("a header line has no name, a blank before its colon, or a fold"))
    }
    var valueStart = colon + 1
    var valueEnd = end
    while valueStart < valueEnd, bytes[valueStart] == 0x20 || bytes[valueStart] == 0x09 {
      valueStart += 1
    }
    while valueEnd > valueStart, bytes[valueEnd - 1] == 0x20 || bytes[valueEnd - 1] == 0x09 {
      valueEnd -= 1
    }
    for index in valueStart..<valueEnd {
      let byte = bytes[index]
      guard byte >= 0x20 && byte != 0x7f || byte == 0x09 else {
        return .failure(.malformed("a header value has a control character"))
      }
    }
    return .success(
      HTTPHeaders.Field(
        nameStart: Int32(start), nameEnd: Int32(colon), valueStart: Int32(valueStart),
        valueEnd: Int32(valueEnd)))
  }

  private static func framing(_ headers: HTTPHeaders, isOld: Bool) throws(HTTPError) -> Framing {
    let lengths = headers.occurrences("content-length")
    if headers.contains("transfer-encoding") {
      guard lengths == 0 else {
        throw .malformed("the request has both Content-Length and Transfer-Encoding")
      }
      guard !isOld else { throw .malformed("HTTP/1.0 has no Transfer-Encoding") }
      let codings = headers.values("transfer-encoding")
      guard codings.count == 1, let coding = codings.first else {
        throw .malformed("the request has several Transfer-Encoding fields")
      }
      if asciiEqual(coding.utf8, "chunked".utf8) { return .chunked }
      let names = coding.utf8.split(separator: 0x2c, omittingEmptySubsequences: false)
      let areTokens = names.allSatisfy { name in
        let trimmed = trimBlanks(name)
        return !trimmed.isEmpty && trimmed.allSatisfy(isTokenByte)
      }
      let isKnownForm =
        areTokens && names.last.map { asciiEqual(trimBlanks($0), "chunked".utf8) } == true
      throw .malformed(
        "the transfer coding is not “chunked” alone",
        status: isKnownForm && names.count > 1 && !asciiEqual(trimBlanks(names[0]), "chunked".utf8)
          ? .notImplemented : .badRequest)
    }
    guard lengths <= 1 else { throw .malformed("the request has several Content-Length fields") }
    guard let text = headers["content-length"] else { return .length(0) }
    let digits = text.utf8
    guard !digits.isEmpty, digits.count <= 18, digits.allSatisfy({ (0x30...0x39).contains($0) }),
      let length = Int(text)
    else { throw .malformed("the Content-Length is not a number") }
    return .length(length)
  }
}

/// Whether a byte may stand in a token; RFC 9110, section 5.6.2.
@inline(__always)
func isTokenByte(_ byte: UInt8) -> Bool {
  // One bit for each of the 128 ASCII characters.
  let low: UInt64 = 0x03ff_6cfa_0000_0000
  let high: UInt64 = 0x57ff_ffff_c7ff_fffe
  guard byte < 128 else { return false }
  return (byte < 64 ? low >> UInt64(byte) : high >> UInt64(byte - 64)) & 1 == 1
}
