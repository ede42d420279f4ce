import LinuxIO

/// The server's side of one WebSocket: frames in and out, pings, and the closing handshake.
final class WebSocketEngine: ProtocolEngine {
  unowned let core: ConnectionCore
  /// The request that became this WebSocket; its handler's end closes it.
  let handshake: Exchange
  var reader: UnsafeContinuation<Result<WebSocketMessage?, HTTPError>, Never>?
  var writers: [UnsafeContinuation<Bool, Never>] = []
  private(set) var closeWasSent = false
  private var pending: [UInt8] = []
  private var inbox = Deque<WebSocketMessage>()
  private var inboxBytes = 0
  private var message: [UInt8] = []
  private var messageOpcode: WebSocketFrame.Opcode?
  private var isEnded = false
  private var failure: HTTPError?
  private var pingIsOut = false
  private(set) var inputDeadline: MonotonicTime

  init(_ core: ConnectionCore, handshake: Exchange) {
    self.core = core
    self.handshake = handshake
    inputDeadline = core.loop.turnTime.adding(seconds: core.limits.webSocketPingSeconds)
  }

  private var messageBytesMax: Int { core.limits.webSocketMessageBytesMax }

  /// Reading stops while the handler leaves a message's worth of bytes, or 64 messages, unread.
  var wantsInput: Bool { !isEnded && inboxBytes < messageBytesMax && inbox.count < 64 }

  func receiveInPlace(_ transport: Transport) -> Transfer? { nil }

  func receive(_ bytes: UnsafeRawBufferPointer) {
    pingIsOut = false
    inputDeadline = core.loop.turnTime.adding(seconds: core.limits.webSocketPingSeconds)
    guard !isEnded else { return }
    pending.append(contentsOf: bytes)
    do throws(WebSocketFrame.Violation) {
      var used = 0
      // The end of the WebSocket empties `pending`.
      while !isEnded, let count = try takeFrame(pending[used...]) { used += count }
      if used > 0, !isEnded { pending.removeFirst(used) }
    } catch {
      fail(error.code, error.reason)
    }
    serveReader()
  }

  private func takeFrame(_ bytes: ArraySlice<UInt8>) throws(WebSocketFrame.Violation) -> Int? {
    guard !isEnded,
      let head = try WebSocketFrame.parseHead(
        bytes, lengthMax: max(125, messageBytesMax - message.count)),
      bytes.count >= head.headBytes + head.length
    else { return nil }
    var payload = Array(bytes.dropFirst(head.headBytes).prefix(head.length))
    for index in payload.indices { payload[index] ^= head.mask[index & 3] }
    switch head.opcode {
    case .ping: pong(payload)
    case .pong: break
    case .close: try closed(payload)
    case .text, .binary, .continuation: try dataFrame(head, payload)
    }
    return head.headBytes + head.length
  }

  private func dataFrame(_ head: WebSocketFrame.Head, _ payload: [UInt8])
    throws(WebSocketFrame.Violation)
  {
    guard (head.opcode == .continuation) == (messageOpcode != nil) else {
      throw WebSocketFrame.Violation(code: 1002, reason: "fragments out of order")
    }
    let opcode = messageOpcode ?? head.opcode
    if message.isEmpty { message = payload } else { message.append(contentsOf: payload) }
    guard head.isFinal else {
      messageOpcode = opcode
      return
    }
    let whole = message
    message = []
    messageOpcode = nil
    inboxBytes += whole.count
    if opcode == .binary {
      inbox.append(.binary(whole))
    } else if let text = String(validating: whole, as: UTF8.self) {
      inbox.append(.text(text))
    } else {
      throw WebSocketFrame.Violation(code: 1007, reason: "a text that is not UTF-8")
    }
  }

  private func pong(_ payload: [UInt8]) {
    guard !closeWasSent else { return }
    // A client that pings and never reads its pongs is not owed a queue of them.
    guard core.output.byteCount <= core.limits.outputBytesHigh else {
      core.close(reset: true)
      return
    }
    core.output.append(WebSocketFrame.encode(.pong, payload))
    core.scheduleFlush()
  }

  private func closed(_ payload: [UInt8]) throws(WebSocketFrame.Violation) {
    var code: UInt16 = 1000
    if !payload.isEmpty {
      guard payload.count >= 2 else {
        throw WebSocketFrame.Violation(code: 1002, reason: "a close code of one byte")
      }
      code = UInt16(payload[0]) << 8 | UInt16(payload[1])
      guard WebSocketFrame.isCloseCode(code),
        String(validating: payload[2...], as: UTF8.self) != nil
      else { throw WebSocketFrame.Violation(code: 1002, reason: "a malformed close frame") }
    }
    close(code, "")
    end(nil)
  }

  /// Sends the close frame, once.
  func close(_ code: UInt16, _ reason: String) {
    guard !closeWasSent else { return }
    closeWasSent = true
    let payload = [UInt8(code >> 8), UInt8(code & 0xff)] + reason.utf8.prefix(123)
    core.output.append(WebSocketFrame.encode(.close, payload))
    // The peer's own close frame, or the end of its patience, ends the connection.
    inputDeadline = core.loop.turnTime.adding(seconds: core.limits.lingerSeconds)
    resumeWriters(false)
    core.closeAfterFlush()
  }

  private func fail(_ code: UInt16, _ reason: String) {
    core.service.metrics.refused("websocket_\(code)")
    close(code, reason)
    end(HTTPError(.malformed, status: .badRequest, "the WebSocket's client sent \(reason)"))
  }

  private func end(_ error: HTTPError?) {
    guard !isEnded else { return }
    isEnded = true
    failure = error
    pending = []
    serveReader()
  }

  /// Gives the reader the next message, or the end.
  func serveReader() {
    guard let waiting = reader else { return }
    if let message = inbox.popFirst() {
      switch message {
      case .text(let text): inboxBytes -= text.utf8.count
      case .binary(let bytes): inboxBytes -= bytes.count
      }
      reader = nil
      waiting.resume(returning: .success(message))
    } else if isEnded {
      reader = nil
      waiting.resume(returning: failure.map { .failure($0) } ?? .success(nil))
    }
  }

  func cancelReader() {
    reader?.resume(returning: .failure(.disconnected))
    reader = nil
  }

  private func resumeWriters(_ goesOn: Bool) {
    let waiting = writers
    writers = []
    for writer in waiting { writer.resume(returning: goesOn) }
  }

  /// The connection is gone.
  func abandon() {
    closeWasSent = true
    end(.disconnected)
    resumeWriters(false)
    if !handshake.isHandlerDone { handshake.task?.cancel() }
  }

  func inputEnded() { core.close(reset: false) }

  func inputDeadlinePassed() {
    guard !pingIsOut, !closeWasSent else {
      core.close(reset: true)
      return
    }
    pingIsOut = true
    inputDeadline = core.loop.turnTime.adding(seconds: core.limits.webSocketPingSeconds)
    core.output.append(WebSocketFrame.encode(.ping, []))
    core.scheduleFlush()
  }

  func outputMoved() {
    if core.output.byteCount <= core.limits.outputBytesLow { resumeWriters(true) }
  }

  func drain() { close(1001, "the server is going down") }

  // Requests end where a WebSocket begins.
  func respond(_ exchange: Exchange, _ status: HTTPStatus, _ headers: HTTPHeaders, _ body: [UInt8])
  {}
  func begin(_ exchange: Exchange, _ status: HTTPStatus, _ headers: HTTPHeaders) {}
  func write(_ exchange: Exchange, _ bytes: [UInt8]) -> Bool { false }
  func end(_ exchange: Exchange, _ trailers: HTTPHeaders) {}
  func abort(_ exchange: Exchange) {}
  func bodyWasDemanded(_ exchange: Exchange) {}
  func fillOutput() {}
}
