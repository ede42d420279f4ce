import Bytes
import CCurl
import LinuxIO

/// One connection of a ``WebSocketClient``, on its own thread.
final class WebSocketSession {
  private static let headBytesMax = 64 << 10
  private static let messageBytesMax = 64 << 20
  /// A silent server is pinged after this, and given up after twice this.
  private static let silenceSeconds = 30.0

  private let url: String
  private let handle: UnsafeMutableRawPointer
  private let socket: Int32
  private let target: (path: String, host: String)
  private let timeoutSeconds: Double
  private let userAgent: String
  private let cancellation: CancelFlag
  private var pending: [UInt8] = []
  private var message: [UInt8] = []
  private var isInMessage = false
  private var chunk = [UInt8](repeating: 0, count: 1 << 16)

  /// Connects, TLS included. Blocks.
  init(_ url: String, _ configuration: HTTPClientConfiguration, _ cancellation: CancelFlag)
    throws(HTTPClientError)
  {
    self.url = url
    self.cancellation = cancellation
    timeoutSeconds = configuration.timeoutSeconds
    userAgent = configuration.userAgent
    guard let parts = Self.parts(url), curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK,
      let made = curl_easy_init()
    else { throw HTTPClientError(.setup, url, "the URL is of no use") }
    target = parts
    var error = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
    sluice_curl_set_long(made, CURLOPT_NOSIGNAL, 1)
    sluice_curl_set_long(made, CURLOPT_CONNECT_ONLY, 1)
    sluice_curl_set_long(made, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    sluice_curl_set_long(
      made, CURLOPT_CONNECTTIMEOUT_MS, Int(configuration.connectTimeoutSeconds * 1000))
    sluice_curl_set_long(made, CURLOPT_TCP_KEEPALIVE, 1)
    if let proxy = configuration.proxyURL {
      sluice_curl_set_text(made, CURLOPT_PROXY, proxy)
    }
    // A proxy has to let everything through: it is asked for a tunnel.
    sluice_curl_set_long(made, CURLOPT_HTTPPROXYTUNNEL, 1)
    guard sluice_curl_set_text(made, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK,
      sluice_curl_set_text(made, CURLOPT_URL, url) == CURLE_OK,
      configuration.tls.apply(to: made)
    else {
      curl_easy_cleanup(made)
      throw HTTPClientError(.setup, url, "the URL or a setting is of no use")
    }
    let code = error.withUnsafeMutableBufferPointer { text in
      sluice_curl_set_pointer(made, CURLOPT_ERRORBUFFER, text.baseAddress)
      defer { sluice_curl_set_pointer(made, CURLOPT_ERRORBUFFER, nil) }
      return curl_easy_perform(made)
    }
    guard code == CURLE_OK else {
      let told = String(decoding: error.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      curl_easy_cleanup(made)
      throw HTTPClientError(
        CurlTransfer.kind(code), url,
        told.isEmpty ? String(cString: curl_easy_strerror(code)) : told)
    }
    handle = made
    socket = sluice_curl_socket(made)
  }

  deinit { curl_easy_cleanup(handle) }

  /// The path with the query, and the value of `Host`.
  private static func parts(_ url: String) -> (path: String, host: String)? {
    let separators = url.ranges(of: "://")
    guard let scheme = separators.first else { return nil }
    let rest = url[scheme.upperBound...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let host = authority.split(separator: "@").last.map(String.init) ?? ""
    let path = String(rest.dropFirst(authority.count))
    return (path.hasPrefix("/") ? path : "/" + path, host)
  }

  // MARK: The handshake

  /// Asks for the upgrade; nil when the server agreed.
  func shakeHands(_ headers: HTTPHeaders) throws(HTTPClientError) -> WebSocketClient.Ending? {
    var generator = SystemRandomNumberGenerator()
    let key = Base64.encode((0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
    var head = "GET \(target.path) HTTP/1.1\r\nHost: \(target.host)\r\n"
    head += "User-Agent: \(userAgent)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(key)\r\n"
    for (name, value) in headers.all { head += "\(name): \(value)\r\n" }
    try send(Array((head + "\r\n").utf8))
    let deadline = MonotonicTime.now().adding(seconds: timeoutSeconds)
    while true {
      if let end = Self.headEnd(pending) {
        return try judge(String(decoding: pending[..<end], as: UTF8.self), key, end, deadline)
      }
      guard pending.count < Self.headBytesMax else {
        throw HTTPClientError(.malformedResponse, url, "the answer's head is too long")
      }
      guard try receive(until: deadline) else {
        throw HTTPClientError(.connection, url, "the server closed without an answer")
      }
      if cancellation.isSet { return .left }
      guard MonotonicTime.now() < deadline else {
        throw HTTPClientError(.timedOut, url, "the server does not answer")
      }
    }
  }

  private static func headEnd(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 4 else { return nil }
    return (4...bytes.count).first { bytes[($0 - 4)..<$0].elementsEqual("\r\n\r\n".utf8) }
  }

  private func judge(_ head: String, _ key: String, _ end: Int, _ deadline: MonotonicTime)
    throws(HTTPClientError) -> WebSocketClient.Ending?
  {
    let lines = head.split(separator: "\r\n").map(String.init)
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
      throw HTTPClientError(.malformedResponse, url, "this is not an answer of HTTP/1.1")
    }
    func field(_ name: String) -> String? {
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        if parts.count == 2, parts[0].lowercased() == name {
          return parts[1].drop { $0 == " " }.split(separator: " ").joined(separator: " ")
        }
      }
      return nil
    }
    pending.removeFirst(end)
    if status == 101 {
      guard field("sec-websocket-accept") == ResponseWriter.acceptance(of: key) else {
        throw HTTPClientError(.malformedResponse, url, "the server did not read our key")
      }
      return nil
    }
    let wanted = min(field("content-length").flatMap { Int($0) } ?? Self.headBytesMax, 64 << 10)
    while pending.count < wanted, !cancellation.isSet, MonotonicTime.now() < deadline,
      try receive(until: deadline)
    {}
    return .refused(status: status, body: Array(pending.prefix(max(0, wanted))))
  }

  // MARK: Messages

  /// Hands messages over until one side closes.
  func listen(_ receiver: WebSocketClient.Receiver) throws(HTTPClientError)
    -> WebSocketClient.Ending
  {
    var heard = MonotonicTime.now()
    var pingIsOut = false
    while true {
      do throws(WebSocketFrame.Violation) {
        var used = 0
        while let step = try takeFrame(pending[used...]) {
          used += step.bytes
          if let whole = step.message, !receiver(whole) {
            sayGoodbye(1000)
            return .left
          }
          if let answer = step.answer { try? send(answer) }
          if let ending = step.ending { return ending }
        }
        pending.removeFirst(used)
      } catch {
        sayGoodbye(error.code)
        throw HTTPClientError(.malformedResponse, url, "the server sent \(error.reason)")
      }
      if cancellation.isSet {
        sayGoodbye(1000)
        return .left
      }
      let known = pending.count
      let isOpen = try receive(until: MonotonicTime.now().adding(seconds: 0.25))
      guard isOpen else { throw HTTPClientError(.connection, url, "the server is gone") }
      if pending.count > known {
        heard = MonotonicTime.now()
        pingIsOut = false
      } else if MonotonicTime.now().seconds(since: heard) > Self.silenceSeconds {
        guard !pingIsOut else {
          throw HTTPClientError(.timedOut, url, "the server is silent")
        }
        pingIsOut = true
        heard = MonotonicTime.now()
        try send(frame(.ping, []))
      }
    }
  }

  private struct Step {
    var bytes: Int
    var message: [UInt8]?
    var answer: [UInt8]?
    var ending: WebSocketClient.Ending?
  }

  private func takeFrame(_ bytes: ArraySlice<UInt8>) throws(WebSocketFrame.Violation) -> Step? {
    guard
      let head = try WebSocketFrame.parseHead(
        bytes, lengthMax: max(125, Self.messageBytesMax - message.count), isMasked: false),
      bytes.count >= head.headBytes + head.length
    else { return nil }
    let payload = Array(bytes.dropFirst(head.headBytes).prefix(head.length))
    var step = Step(bytes: head.headBytes + head.length)
    switch head.opcode {
    case .ping: step.answer = frame(.pong, payload)
    case .pong: break
    case .close:
      let code = payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : 1005
      step.answer = frame(.close, Array(payload.prefix(2)))
      step.ending = .closed(
        code: code, reason: String(decoding: payload.dropFirst(2), as: UTF8.self))
    case .text, .binary, .continuation:
      guard (head.opcode == .continuation) == isInMessage else {
        throw WebSocketFrame.Violation(code: 1002, reason: "fragments out of order")
      }
      message.append(contentsOf: payload)
      isInMessage = !head.isFinal
      if head.isFinal {
        step.message = message
        message = []
      }
    }
    return step
  }

  private func sayGoodbye(_ code: UInt16) {
    try? send(frame(.close, [UInt8(code >> 8), UInt8(code & 0xff)]))
  }

  private func frame(_ opcode: WebSocketFrame.Opcode, _ payload: [UInt8]) -> [UInt8] {
    WebSocketFrame.encode(opcode, payload, mask: (0..<4).map { _ in UInt8.random(in: 0...255) })
  }

  // MARK: Bytes

  /// Adds to ``pending`` what there is, waiting for it until `deadline`; false at the end.
  private func receive(until deadline: MonotonicTime) throws(HTTPClientError) -> Bool {
    while true {
      var count = 0
      let code = chunk.withUnsafeMutableBytes { bytes in
        curl_easy_recv(handle, bytes.baseAddress, bytes.count, &count)
      }
      switch code {
      case CURLE_OK:
        pending.append(contentsOf: chunk[..<count])
        return count > 0
      case CURLE_AGAIN:
        let left = deadline.seconds(since: MonotonicTime.now())
        // The caller looks at the clock and at what it waits for.
        guard left > 0, !cancellation.isSet else { return true }
        _ = waitUntilReady(socket, milliseconds: Int32(min(left * 1000 + 1, 250)))
        if left <= 0.25 { return true }
      default:
        throw HTTPClientError(.connection, url, String(cString: curl_easy_strerror(code)))
      }
    }
  }

  private func send(_ bytes: [UInt8]) throws(HTTPClientError) {
    let deadline = MonotonicTime.now().adding(seconds: timeoutSeconds)
    var done = 0
    while done < bytes.count {
      var count = 0
      let code = bytes.withUnsafeBytes { buffer in
        curl_easy_send(
          handle, buffer.baseAddress?.advanced(by: done), bytes.count - done, &count)
      }
      switch code {
      case CURLE_OK: done += count
      case CURLE_AGAIN:
        guard MonotonicTime.now() < deadline else {
          throw HTTPClientError(.timedOut, url, "the server takes no bytes")
        }
        _ = waitUntilReady(socket, forWriting: true, milliseconds: 250)
      default:
        throw HTTPClientError(.connection, url, String(cString: curl_easy_strerror(code)))
      }
    }
  }
}
