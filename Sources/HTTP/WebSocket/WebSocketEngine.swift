import LinuxIO

/// The server's side of one WebSocket: frames in and out, pings, and the closing handshake.
final class WebSocketEngine: ProtocolEngine {
  unowned let core: ConnectionCore
  /// The request that became this WebSocket; its handler's end closes it.
  let handshake: Exchange
  var reader: UnsafeContinuation<Result<WebSocketMessage?, HTTPError>, Never>?
  var writers: [UnsafeContinuation<Bool, Never>] = []
  private(set) var closeWasSent = false
  private var frames: WebSocketReader
  private var inbox = Deque<WebSocketMessage>()
  private var inboxBytes = 0
  private var isEnded = false
  private var failure: HTTPError?
  private var pingIsOut = false
  private(set) var inputDeadline: MonotonicTime

  init(_ core: ConnectionCore, handshake: Exchange) {
    self.core = core
    self.handshake = handshake
    frames = WebSocketReader(messageBytesMax: core.limits.webSocketMessageBytesMax)
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
    frames.append(bytes)
    do throws(WebSocketFrame.Violation) {
      while !isEnded, let event = try frames.next() { take(event) }
    } catch {
      fail(error.code, error.reason)
    }
    serveReader()
  }

  private func take(_ event: WebSocketReader.Event) {
    switch event {
    case .message(let message):
      inboxBytes += message.byteCount
      inbox.append(message)
    case .ping(let payload): pong(payload)
    case .pong: break
    case .close(let code):
      close(code, "")
      end(nil)
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
    frames = WebSocketReader(messageBytesMax: 0)
    serveReader()
  }

  /// Gives the reader the next message, or the end.
  func serveReader() {
    guard let waiting = reader else { return }
    if let message = inbox.popFirst() {
      inboxBytes -= message.byteCount
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
