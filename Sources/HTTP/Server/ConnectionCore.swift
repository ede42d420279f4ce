import LinuxIO
import TelemetryModel

/// The state of one connection: socket, output, deadlines, requests; owned by ``Connection``.
final class ConnectionCore {
  enum State {
    case handshake, open
    /// The last bytes were sent; the peer's end is awaited so that it can read them.
    case lingering
    case closed
  }

  let peer: SocketAddress
  let loop: EventLoop
  let service: Service
  var limits: HTTPLimits { service.limits }
  let transport: Transport
  var output = OutputQueue()
  private(set) var state = State.handshake
  private(set) var isDraining = false
  /// The owner; set when the connection opens, and gone only with this object.
  private weak var owner: Connection?

  private var engine: (any ProtocolEngine)?
  private(set) var webSocket: WebSocketEngine?
  private var exchanges: [Int32: Exchange] = [:]

  private var registration: Registration?
  /// The kernel may have input that was not read yet.
  private var isReadable = false
  /// The kernel told that the peer's end is in sight: it must be read for.
  private var endIsNear = false
  private var isFlushScheduled = false
  private var isPumpScheduled = false
  private var closesAfterFlush = false
  private var openedAt = MonotonicTime(nanoseconds: 0)
  private var writeDeadline = MonotonicTime.distantFuture
  private var lingerDeadline = MonotonicTime.distantFuture
  private var timer: EventLoop.Timer?
  private var timerAt = MonotonicTime.distantFuture

  init(
    _ descriptor: consuming Descriptor, peer: SocketAddress, loop: EventLoop, service: Service
  ) {
    self.peer = peer
    self.loop = loop
    self.service = service
    let number = descriptor.number
    let tls = service.tls.flatMap { TLSSession($0, descriptor: number) }
    transport = Transport(descriptor, tls: tls)
  }

  var connection: Connection? { owner }

  func open(_ connection: Connection) {
    owner = connection
    openedAt = loop.turnTime
    lingerDeadline = openedAt.adding(seconds: limits.headSeconds)
    do throws(SystemError) {
      registration = try loop.register(
        transport.number, events: [.readable, .writable, .peerClosed, .edgeTriggered],
        handler: connection)
    } catch {
      close(reset: true)
      return
    }
    if !transport.isSecure { establish() }
    rearm()
  }

  private func establish() {
    state = .open
    lingerDeadline = .distantFuture
    if transport.applicationProtocol == "h2" {
      startHTTP2()
    } else {
      engine = HTTP1Engine(self)
    }
  }

  // MARK: Events

  func ready(_ events: DescriptorEvents) {
    if events.contains(.readable) || events.contains(.peerClosed) { isReadable = true }
    if events.contains(.peerClosed) { endIsNear = true }
    if !events.isDisjoint(with: .hungUp) {
      endIsNear = true
      isReadable = true
      if events.contains(.failed) || !events.contains(.readable) {
        close(reset: true)
        return
      }
    }
    if state == .handshake {
      switch transport.handshake() {
      case .waiting: return
      case .failed:
        service.metrics.refused("tls_handshake")
        close(reset: true)
        return
      case .done:
        isReadable = true
        establish()
      }
    }
    pumpInput()
    if events.contains(.writable), !output.isEmpty {
      flush()
      // A full output may have been why nothing was read.
      pumpInput()
    }
    rearm()
  }

  /// Reads while the engine wants it and there is something, up to one turn's share.
  func pumpInput() {
    var share = 1 << 20
    while isReadable, state == .open, let engine, engine.wantsInput {
      guard share > 0 else {
        schedulePump()
        break
      }
      let moved = engine.receiveInPlace(transport) ?? receiveCopy(engine)
      switch moved {
      case .bytes(let count):
        share -= count
        service.metrics.received.add(count)
      case .wouldBlock: isReadable = false
      case .endOfStream:
        isReadable = false
        engine.inputEnded()
      case .failed: close(reset: true)
      }
    }
    if state == .lingering { discardInput() }
    rearm()
  }

  private func receiveCopy(_ engine: any ProtocolEngine) -> Transfer {
    withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
      let moved = transport.receive(into: buffer)
      if case .bytes(let count) = moved {
        // A plain socket that gave less than was asked is empty; epoll tells when more comes.
        if count < buffer.count, !endIsNear, !transport.isSecure { isReadable = false }
        engine.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
      return moved
    }
  }

  private func schedulePump() {
    guard !isPumpScheduled, let owner else { return }
    isPumpScheduled = true
    loop.atEndOfTurn {
      owner.onLoop { core in
        core.isPumpScheduled = false
        core.pumpInput()
      }
    }
  }

  // MARK: Protocols

  /// The client spoke HTTP/2 from its first byte; `bytes` are what came so far.
  func switchToHTTP2(_ bytes: UnsafeRawBufferPointer) {
    startHTTP2()
    engine?.receive(bytes)
  }

  private func startHTTP2() {
    guard let made = HTTP2Engine(self) else {
      close(reset: true)
      return
    }
    engine = made
    scheduleFlush()
  }

  func upgrade(_ exchange: Exchange, _ headers: HTTPHeaders) throws(HTTPError) {
    guard let http1 = engine as? HTTP1Engine else {
      throw HTTPError(status: .notImplemented, "a WebSocket needs HTTP/1.1")
    }
    let leftover = try http1.switchProtocols(exchange, headers)
    exchange.response = .ended
    let socket = WebSocketEngine(self, handshake: exchange)
    webSocket = socket
    engine = socket
    leftover.withUnsafeBytes { socket.receive($0) }
    scheduleFlush()
    pumpInput()
  }

  // MARK: Requests

  func exchange(_ id: Int32) -> Exchange? { exchanges[id] }

  var exchangeCount: Int { exchanges.count }

  /// Starts the handler of a request whose head is complete.
  func dispatch(_ exchange: Exchange, _ request: Request) {
    exchanges[exchange.id] = exchange
    exchange.startedAt = loop.turnTime.nanoseconds
    guard let owner else { return }
    guard service.requestBegan() else {
      exchange.isHandlerDone = true
      service.metrics.refused("requests_in_flight")
      refuse(
        exchange,
        HTTPError(
          status: .serviceUnavailable, "the server has too many requests under way; try again",
          headers: ["retry-after": "1", "connection": "close"]))
      return
    }
    let writer = ResponseWriter(connection: owner, id: exchange.id)
    let handler = service.handler
    exchange.task = Task(executorPreference: loop) {
      var failure: (any Error)?
      do { try await handler(request, writer) } catch { failure = error }
      await owner.handlerEnded(request.id, failure)
    }
  }

  /// Answers with an error and reads no further than it must.
  func refuse(_ exchange: Exchange, _ error: HTTPError) {
    guard exchange.response == .none else { return }
    let (type, body) = service.errorBody(error)
    var headers = error.headers
    if !type.isEmpty { headers.append("content-type", type) }
    respond(exchange, error.status, headers, body)
  }

  func handlerEnded(_ exchange: Exchange, _ error: (any Error)?) {
    exchange.isHandlerDone = true
    exchange.task = nil
    switch exchange.response {
    case .ended:
      if let webSocket, webSocket.handshake === exchange {
        webSocket.close(error == nil ? 1000 : 1011, "")
      }
    case .none:
      refuse(exchange, answer(to: error))
    case .streaming:
      if error == nil { end(exchange, [:]) } else { abort(exchange) }
    }
    forgetIfDone(exchange)
  }

  private func answer(to error: (any Error)?) -> HTTPError {
    if let error = error as? HTTPError { return error }
    // Handlers are cancelled when their client is gone: there is nothing to report.
    if error is CancellationError { return .disconnected }
    if let error {
      service.log.error(
        "a request's handler failed", ["peer": peer, "error": String(describing: error)])
    }
    return HTTPError(
      status: .internalServerError, "the request could not be answered; see the server's log")
  }

  func respond(_ exchange: Exchange, _ status: HTTPStatus, _ headers: HTTPHeaders, _ body: [UInt8])
  {
    count(exchange, status)
    engine?.respond(exchange, status, headers, body)
    ended(exchange)
  }

  func begin(_ exchange: Exchange, _ status: HTTPStatus, _ headers: HTTPHeaders) {
    exchange.response = .streaming
    count(exchange, status)
    engine?.begin(exchange, status, headers)
    scheduleFlush()
  }

  func write(_ exchange: Exchange, _ bytes: [UInt8]) -> Bool {
    let waits = engine?.write(exchange, bytes) ?? false
    if waits { flush() } else { scheduleFlush() }
    rearm()
    // What was sent at once needs no waiting, and nobody would wake the writer later.
    return waits && state == .open && exchange.response == .streaming && stillFull(exchange)
  }

  private func stillFull(_ exchange: Exchange) -> Bool {
    engine?.write(exchange, []) ?? false
  }

  func end(_ exchange: Exchange, _ trailers: HTTPHeaders) {
    engine?.end(exchange, trailers)
    ended(exchange)
  }

  private func ended(_ exchange: Exchange) {
    exchange.response = .ended
    exchange.body = []
    exchange.resumeWriters(false)
    let nanoseconds = loop.turnTime.nanoseconds &- exchange.startedAt
    service.metrics.ended(exchange.status, seconds: Double(nanoseconds) / 1e9)
    forgetIfDone(exchange)
    scheduleFlush()
    rearm()
  }

  func abort(_ exchange: Exchange) {
    guard exchange.response != .ended else { return }
    exchange.response = .ended
    engine?.abort(exchange)
    exchange.resumeWriters(false)
    exchange.failBody(.disconnected)
    forgetIfDone(exchange)
    scheduleFlush()
  }

  private func count(_ exchange: Exchange, _ status: HTTPStatus) { exchange.status = status.code }

  /// The stream or connection ended before the response did.
  func abandon(_ exchange: Exchange) {
    exchange.abandon()
    forgetIfDone(exchange)
  }

  private func forgetIfDone(_ exchange: Exchange) {
    if exchange.isHandlerDone, exchange.response == .ended { exchanges[exchange.id] = nil }
  }

  func bodyWasDemanded(_ exchange: Exchange) {
    engine?.bodyWasDemanded(exchange)
    pumpInput()
    if !output.isEmpty { scheduleFlush() }
  }

  // MARK: Output

  /// Sends at the end of the loop's turn, so that small pieces leave together.
  func scheduleFlush() {
    guard !isFlushScheduled, state == .open, let owner else { return }
    isFlushScheduled = true
    loop.atEndOfTurn { owner.onLoop { $0.flushAtEndOfTurn() } }
  }

  private func flushAtEndOfTurn() {
    isFlushScheduled = false
    flush()
    pumpInput()
  }

  func flush() {
    guard state == .open else { return }
    while true {
      engine?.fillOutput()
      guard state == .open, !output.isEmpty else { break }
      let (count, last) = transport.send(&output)
      service.metrics.sent.add(count)
      if case .failed = last {
        close(reset: true)
        return
      }
      if count > 0 || writeDeadline == .distantFuture {
        writeDeadline = loop.turnTime.adding(seconds: limits.writeStallSeconds)
      }
      if !output.isEmpty { break }
    }
    if output.isEmpty {
      writeDeadline = .distantFuture
      if closesAfterFlush {
        linger()
        return
      }
    }
    engine?.outputMoved()
    rearm()
  }

  /// Adds bytes of a WebSocket; `true` when the writer should wait.
  func send(_ bytes: [UInt8]) -> Bool {
    output.append(bytes)
    guard output.byteCount > limits.outputBytesHigh else {
      scheduleFlush()
      return false
    }
    flush()
    return state == .open && output.byteCount > limits.outputBytesHigh
  }

  // MARK: The end

  /// Closes once everything that waits was sent.
  func closeAfterFlush() {
    closesAfterFlush = true
    scheduleFlush()
  }

  private func linger() {
    transport.endWriting()
    state = .lingering
    abandonAll()
    lingerDeadline = loop.turnTime.adding(seconds: limits.lingerSeconds)
    isReadable = true
    discardInput()
    rearm()
  }

  private func discardInput() {
    withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 16) { buffer in
      var share = 64
      while state == .lingering, share > 0 {
        share -= 1
        switch StreamSocket.receive(transport.number, into: buffer) {
        case .bytes: continue
        case .wouldBlock:
          isReadable = false
          return
        case .endOfStream, .failed: close(reset: false)
        }
      }
    }
    if state == .lingering { schedulePump() }
  }

  func drain() {
    guard !isDraining else { return }
    isDraining = true
    guard state == .open else {
      if state == .handshake { close(reset: false) }
      return
    }
    engine?.drain()
    rearm()
  }

  private func abandonAll() {
    for exchange in Array(exchanges.values) { abandon(exchange) }
    webSocket?.abandon()
  }

  func close(reset: Bool) {
    guard state != .closed else { return }
    state = .closed
    abandonAll()
    if let registration { loop.deregister(registration) }
    registration = nil
    transport.close(reset: reset && output.byteCount > 0)
    output.removeAll()
    engine = nil
    webSocket = nil
    if let timer { loop.cancel(timer) }
    timer = nil
    if let owner { service.connectionEnded(owner) }
  }

  // MARK: Deadlines

  private func rearm() {
    guard state != .closed else { return }
    var earliest = min(writeDeadline, lingerDeadline)
    if state == .open, let engine { earliest = min(earliest, engine.inputDeadline) }
    guard earliest < timerAt, let owner else { return }
    if let timer { loop.cancel(timer) }
    timerAt = earliest
    timer = loop.schedule(at: earliest) { [weak owner] in
      owner?.onLoop { $0.timerFired() }
    }
  }

  private func timerFired() {
    timer = nil
    timerAt = .distantFuture
    let now = loop.turnTime
    if writeDeadline <= now {
      service.metrics.refused("write_stalled")
      close(reset: true)
    } else if lingerDeadline <= now {
      if state == .handshake { service.metrics.refused("handshake_timeout") }
      close(reset: state == .handshake)
    } else if state == .open, let engine, engine.inputDeadline <= now {
      engine.inputDeadlinePassed()
    }
    rearm()
  }
}
