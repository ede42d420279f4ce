import Bytes
import HTTP
import LinuxIO
import TelemetryModel
import WireFormats

/// Whatever answers Loki's API: a server, or the lines of standard input.
protocol LogAnswers: Sendable {
  /// Asks for a JSON document.
  ///
  /// - Throws: ``CommandFailure`` with the other side's own words when it refuses.
  func json(_ path: String, _ query: [(String, String)]) async throws -> JSONValue
}

/// The HTTP side of the commands that ask a server.
struct ServerConnection: LogAnswers {
  let base: String
  let headers: HTTPHeaders
  /// For connections that are not an exchange of HTTP's.
  let settings: HTTPClientConfiguration
  private let client: HTTPClient
  private let retries: Int
  private let backoffSeconds: ClosedRange<Double>

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
    // `localhost:3100`, as curl takes it.
    if !address.contains("://"), address.contains(":") { address = "http://" + address }
    guard address.hasPrefix("http://") || address.hasPrefix("https://") else {
      throw UsageError(message: "--\(option): '\(address)' does not begin with http:// or https://")
    }
    base = address
    headers = try Self.headers(arguments)
    retries = arguments["retries"] == nil ? 0 : try arguments.count("retries")
    let least = Double(arguments["min-backoff"] ?? "") ?? 0
    backoffSeconds = least...max(least, Double(arguments["max-backoff"] ?? "") ?? 0)
    var settings = HTTPClientConfiguration()
    settings.userAgent = "sluice/\(sluiceVersion)"
    settings.timeoutSeconds =
      try arguments["timeout"].map { text throws(UsageError) in
        try parseTimeSpan(text)
      }?.seconds ?? 90
    settings.responseBytesMax = 1 << 30
    settings.proxyURL = arguments["proxy-url"]
    settings.tls.authorityPath = arguments["ca-cert"]
    settings.tls.certificatePath = arguments["cert"]
    settings.tls.keyPath = arguments["key"]
    settings.tls.skipsVerification = arguments.has("tls-skip-verify")
    self.settings = settings
    client = try HTTPClient(settings)
  }

  private static func headers(_ arguments: Arguments) throws -> HTTPHeaders {
    var headers: HTTPHeaders = [:]
    for field in arguments.all("header") {
      let parts = field.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, !field.utf8.contains(where: { $0 < 0x20 }) else {
        throw UsageError(message: "--header '\(field)' is not NAME: VALUE")
      }
      let name = parts[0].filter { $0 != " " }.lowercased()
      headers.set(name, String(parts[1].drop { $0 == " " }))
    }
    if let tenant = arguments["org-id"] { headers.set("x-scope-orgid", tenant) }
    if let tags = arguments["query-tags"] { headers.set("x-query-tags", tags) }
    if arguments.has("nocache") { headers.set("cache-control", "no-cache") }
    let field = arguments["auth-header"]?.lowercased() ?? "authorization"
    if let name = arguments["username"] {
      let pair = Array("\(name):\(arguments["password"] ?? "")".utf8)
      headers.set(field, "Basic " + Base64.encode(pair))
    } else if let token = arguments["bearer-token"] {
      headers.set(field, "Bearer " + token)
    } else if let path = arguments["bearer-token-file"] {
      let text = String(decoding: try readFile(path, bytesMax: 1 << 16), as: UTF8.self)
      headers.set(field, "Bearer " + (text.split(whereSeparator: \.isWhitespace).first ?? ""))
    }
    return headers
  }

  /// Asks for a JSON document.
  ///
  /// - Throws: ``CommandFailure`` with the server's own words on a status other than 200, with
  ///   status ``ExitStatus/unreachable`` when there was no answer.
  func json(_ path: String, _ query: [(String, String)] = []) async throws -> JSONValue {
    let body = try await get(path, query)
    do {
      return try JSONValue.parse(body, bytesMax: settings.responseBytesMax)
    } catch {
      throw CommandFailure(message: "\(base)\(path) did not answer with JSON: \(error)")
    }
  }

  /// The body of an answer with status 200.
  func get(_ path: String, _ query: [(String, String)] = []) async throws -> [UInt8] {
    let answer = try await send(.get, path + Self.text(of: query), body: [])
    guard answer.status == 200 else {
      throw Self.refusal(answer.status, answer.body, path, isQuestion: true)
    }
    return answer.body
  }

  /// Sends a body; any 2xx is success.
  func post(_ path: String, type: String, body: [UInt8]) async throws {
    _ = try await ask(.post, path, type: type, body: body)
  }

  /// Asks for something to be done; the body of any 2xx.
  func post(_ path: String, _ query: [(String, String)] = []) async throws -> [UInt8] {
    try await ask(.post, path, query)
  }

  /// Asks for something to be taken away; the body of any 2xx.
  func delete(_ path: String, _ query: [(String, String)]) async throws -> [UInt8] {
    try await ask(.delete, path, query)
  }

  private func ask(
    _ method: HTTPMethod, _ path: String, _ query: [(String, String)] = [], type: String? = nil,
    body: [UInt8] = []
  ) async throws -> [UInt8] {
    let answer = try await send(method, path + Self.text(of: query), type: type, body: body)
    guard (200..<300).contains(answer.status) else {
      throw Self.refusal(answer.status, answer.body, path)
    }
    return answer.body
  }

  /// Parameters as Go's clients write them: sorted by name, a blank as `+`.
  static func text(of query: [(String, String)]) -> String {
    let sorted = query.enumerated().sorted { a, b in
      a.element.0 == b.element.0 ? a.offset < b.offset : a.element.0 < b.element.0
    }
    let fields = sorted.map { field in
      "\(percentEncoded(field.element.0))=\(percentEncoded(field.element.1, isForm: true))"
    }
    return fields.isEmpty ? "" : "?" + fields.joined(separator: "&")
  }

  private func send(_ method: HTTPMethod, _ target: String, type: String? = nil, body: [UInt8])
    async throws -> HTTPClientResponse
  {
    var headers = headers
    if let type { headers.set("content-type", type) }
    let request = HTTPClientRequest(method, base + target, headers: headers, body: body)
    var pause = backoffSeconds.lowerBound
    for attempt in 0... {
      do {
        let answer = try await client.send(request)
        guard answer.status == 429 || answer.status >= 500, attempt < retries else {
          return answer
        }
      } catch {
        guard attempt < retries else {
          let reason = "\(error)"
          throw CommandFailure(
            message: reason.contains(base) ? reason : "\(base): \(reason)", status: .unreachable)
        }
      }
      try await EventLoop.shared.get()[0].sleep(seconds: pause)
      pause = min(max(pause * 2, 0.1), backoffSeconds.upperBound)
    }
    preconditionFailure("the attempts have no end")
  }

  /// What to say about an answer that is an error; of a question the path may be another port's.
  static func refusal(
    _ status: Int, _ body: [UInt8], _ path: String, isQuestion: Bool = false
  ) -> CommandFailure {
    var message = "the server answered \(status) to \(path): \(reason(body))"
    while message.last?.isWhitespace == true { message.removeLast() }
    let unknownPath = ["there is nothing at", "404 page not found"]
    if isQuestion, status == 404, unknownPath.contains(where: { message.contains($0) }) {
      message += "; is it the right port? Logs are asked for at 3100, traces at 16686"
    }
    return CommandFailure(message: message, status: status == 404 ? .notFound : .failure)
  }

  /// The words of an error's body, out of the JSON that some interfaces put around them.
  private static func reason(_ body: [UInt8]) -> String {
    if body.isEmpty { return "no reason given" }
    if body.first == UInt8(ascii: "{"), let answer = try? JSONValue.parse(body) {
      let told = [
        answer["error"]?["message"], answer["message"], answer["errors"]?[0]?["msg"],
        answer["error"],
      ]
      if let words = told.compactMap({ $0?.stringValue }).first { return words }
    }
    return String(decoding: body.prefix(2000), as: UTF8.self)
  }
}

/// RFC 3986 percent-encoding of everything but unreserved characters; in forms a blank is `+`.
func percentEncoded(_ text: String, isForm: Bool = false) -> String {
  var out = ""
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "~"):
      out.unicodeScalars.append(Unicode.Scalar(byte))
    case UInt8(ascii: " ") where isForm: out += "+"
    default:
      let digits = Array("0123456789ABCDEF")
      out += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
    }
  }
  return out
}
