import Bytes
import HTTP
import TelemetryModel
import WireFormats

/// The HTTP side of the commands that ask a server.
struct ServerConnection: Sendable {
  let base: String
  let headers: HTTPHeaders
  let timeout: TimeSpan
  private let client: HTTPClient

  /// From the shared options of ``QueryOptions/server``.
  ///
  /// - Throws: ``UsageError`` on an address that is no `http://` or `https://` URL.
  init(_ arguments: Arguments, address option: String = "addr") throws {
    try self.init(arguments, base: try arguments.required(option), option: option)
  }

  /// To `address`, which `option` named.
  init(_ arguments: Arguments, base address: String, option: String) throws {
    var address = address
    while address.hasSuffix("/") { address.removeLast() }
    guard address.hasPrefix("http://") || address.hasPrefix("https://") else {
      throw UsageError(message: "--\(option): '\(address)' does not begin with http:// or https://")
    }
    base = address
    timeout =
      try arguments["timeout"].map { text throws(UsageError) in
        try parseTimeSpan(text)
      } ?? .seconds(90)
    var headers: HTTPHeaders = [:]
    if let tenant = arguments["org-id"] { headers.set("x-scope-orgid", tenant) }
    if let name = arguments["username"] {
      let pair = Array("\(name):\(arguments["password"] ?? "")".utf8)
      headers.set("authorization", "Basic " + Base64.encode(pair))
    } else if let token = arguments["bearer-token"] {
      headers.set("authorization", "Bearer " + token)
    }
    self.headers = headers
    var settings = HTTPClientConfiguration()
    settings.userAgent = "sluice/\(sluiceVersion)"
    settings.timeoutSeconds = timeout.seconds
    settings.responseBytesMax = 1 << 30
    client = try HTTPClient(settings)
  }

  /// Asks for a JSON document.
  ///
  /// - Throws: ``CommandFailure`` with the server's own words on a status other than 200, with
  ///   status ``ExitStatus/unreachable`` when there was no answer.
  func json(_ path: String, _ query: [(String, String)] = []) async throws -> JSONValue {
    let body = try await get(path, query)
    do {
      return try JSONValue.parse(body)
    } catch {
      throw CommandFailure(message: "\(base)\(path) did not answer with JSON: \(error)")
    }
  }

  /// The body of an answer with status 200.
  func get(_ path: String, _ query: [(String, String)] = []) async throws -> [UInt8] {
    let fields = query.map { "\(percentEncoded($0.0))=\(percentEncoded($0.1))" }
    let target = path + (fields.isEmpty ? "" : "?" + fields.joined(separator: "&"))
    let answer = try await send(.get, target, headers: headers, body: [])
    guard answer.status == 200 else { throw refusal(answer.status, answer.body, path) }
    return answer.body
  }

  /// Sends a body; any 2xx is success.
  func post(_ path: String, type: String, body: [UInt8]) async throws {
    var headers = headers
    headers.set("content-type", type)
    let answer = try await send(.post, path, headers: headers, body: body)
    guard (200..<300).contains(answer.status) else {
      throw refusal(answer.status, answer.body, path)
    }
  }

  /// Asks for something to be done; the body of any 2xx.
  func post(_ path: String) async throws -> [UInt8] {
    let answer = try await send(.post, path, headers: headers, body: [])
    guard (200..<300).contains(answer.status) else {
      throw refusal(answer.status, answer.body, path)
    }
    return answer.body
  }

  private func send(
    _ method: HTTPMethod, _ target: String, headers: HTTPHeaders, body: [UInt8]
  ) async throws -> HTTPClientResponse {
    do {
      return try await client.send(
        HTTPClientRequest(method, base + target, headers: headers, body: body))
    } catch {
      throw CommandFailure(message: "\(base): \(error)", status: .unreachable)
    }
  }

  private func refusal(_ status: Int, _ body: [UInt8], _ path: String) -> CommandFailure {
    let text = String(decoding: body.prefix(2000), as: UTF8.self)
    let words = text.isEmpty ? "no reason given" : text
    return CommandFailure(
      message: "the server answered \(status) to \(path): \(words)",
      status: status == 404 ? .notFound : .failure)
  }
}

/// RFC 3986 percent-encoding of everything but unreserved characters.
func percentEncoded(_ text: String) -> String {
  var out = ""
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "~"):
      out.unicodeScalars.append(Unicode.Scalar(byte))
    default:
      let digits = Array("0123456789ABCDEF")
      out += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
    }
  }
  return out
}
