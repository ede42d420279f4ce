import LinuxIO

/// One client's connection: an actor that lives on its loop.
///
/// The loop's events and the handlers' calls meet here; the work is done by ``ConnectionCore``,
/// which only this actor touches.
actor Connection: DescriptorHandler {
  nonisolated let loop: EventLoop
  nonisolated let peer: SocketAddress
  nonisolated let service: Service
  private let core: ConnectionCore

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(
    _ descriptor: consuming Descriptor, peer: SocketAddress, loop: EventLoop, service: Service
  ) {
    self.loop = loop
    self.peer = peer
    self.service = service
    core = ConnectionCore(descriptor, peer: peer, loop: loop, service: service)
  }

  /// Registers with the loop; called on its thread.
  func open() { core.open(self) }

  nonisolated func descriptorIsReady(_ events: DescriptorEvents) {
    assumeIsolated { $0.core.ready(events) }
  }

  /// Runs `body` with the core on the loop's thread, where the caller is already.
  nonisolated func onLoop(_ body: @Sendable (ConnectionCore) -> Void) {
    assumeIsolated { body($0.core) }
  }

  func drain() { core.drain() }

  func closeNow() { core.close(reset: true) }

  // MARK: What handlers call

  func body(_ id: Int32, wholeBytesMax: Int?) async throws(HTTPError) -> [UInt8]? {
    guard let exchange = core.exchange(id) else { throw .disconnected }
    guard case .none = exchange.demand else {
      throw .misuse("the request's body is being read already")
    }
    let result = await withUnsafeContinuation { continuation in
      if let wholeBytesMax {
        exchange.wholeBytesMax = wholeBytesMax
        exchange.demand = .whole(wholeBytesMax, continuation)
      } else {
        exchange.demand = .chunk(continuation)
      }
      exchange.serveDemand()
      core.bodyWasDemanded(exchange)
    }
    return try result.get()
  }

  func respond(_ id: Int32, _ status: HTTPStatus, _ headers: HTTPHeaders, _ body: [UInt8])
    throws(HTTPError)
  {
    let exchange = try beginning(id)
    core.respond(exchange, status, headers, body)
  }

  func begin(_ id: Int32, _ status: HTTPStatus, _ headers: HTTPHeaders) throws(HTTPError) {
    let exchange = try beginning(id)
    core.begin(exchange, status, headers)
  }

  /// A whole response with trailers.
  func respond(
    _ id: Int32, _ status: HTTPStatus, _ headers: HTTPHeaders, _ body: [UInt8],
    trailers: HTTPHeaders
  ) throws(HTTPError) {
    let exchange = try beginning(id)
    core.begin(exchange, status, headers)
    if !body.isEmpty { _ = core.write(exchange, body) }
    core.end(exchange, trailers)
  }

  private func beginning(_ id: Int32) throws(HTTPError) -> Exchange {
    guard let exchange = core.exchange(id) else { throw .disconnected }
    switch exchange.response {
    case .none: return exchange
    case .streaming, .ended:
      throw exchange.bodyFailure?.kind == .disconnected
        ? .disconnected : .misuse("the response was begun twice")
    }
  }

  func write(_ id: Int32, _ bytes: [UInt8]) async throws(HTTPError) {
    let exchange = try streaming(id)
    guard !bytes.isEmpty else { return }
    guard core.write(exchange, bytes) else { return }
    let goesOn = await withUnsafeContinuation { exchange.writers.append($0) }
    if !goesOn { throw .disconnected }
  }

  func end(_ id: Int32, _ trailers: HTTPHeaders) throws(HTTPError) {
    core.end(try streaming(id), trailers)
  }

  private func streaming(_ id: Int32) throws(HTTPError) -> Exchange {
    guard let exchange = core.exchange(id) else { throw .disconnected }
    switch exchange.response {
    case .streaming: return exchange
    case .none: throw .misuse("the response has no head yet")
    case .ended: throw .disconnected
    }
  }

  func abort(_ id: Int32) {
    if let exchange = core.exchange(id) { core.abort(exchange) }
  }

  /// The message prefix of a gRPC request whose body was read: its flag and its stated length.
  func messagePrefix(_ id: Int32) -> (flag: UInt8, length: Int)? {
    guard let exchange = core.exchange(id), let length = exchange.messageLength else { return nil }
    return (exchange.prefix[0], length)
  }

  /// A gRPC call's deadline passed: answered so where nothing was, and its handler cancelled.
  nonisolated func expire(_ id: Int32, _ headers: HTTPHeaders) {
    onLoop { core in
      guard let exchange = core.exchange(id), exchange.response == .none else { return }
      core.respond(exchange, .ok, headers, [])
      exchange.failBody(.disconnected)
      exchange.task?.cancel()
    }
  }

  /// The handler's task ended, with an error or without.
  func handlerEnded(_ id: Int32, _ error: (any Error)?) {
    service.requestEnded()
    guard let exchange = core.exchange(id) else { return }
    core.handlerEnded(exchange, error)
  }

  // MARK: WebSocket

  func upgrade(_ id: Int32, _ headers: HTTPHeaders) throws(HTTPError) {
    try core.upgrade(try beginning(id), headers)
  }

  func receiveMessage() async throws(HTTPError) -> WebSocketMessage? {
    guard let socket = core.webSocket else { throw .disconnected }
    guard socket.reader == nil else { throw .misuse("the WebSocket is being read already") }
    let result = await withUnsafeContinuation { continuation in
      socket.reader = continuation
      socket.serveReader()
      core.pumpInput()
    }
    return try result.get()
  }

  func stopReceiving() { core.webSocket?.cancelReader() }

  func sendFrame(_ frame: [UInt8]) async throws(HTTPError) {
    guard let socket = core.webSocket, !socket.closeWasSent else { throw .disconnected }
    guard core.send(frame) else { return }
    let goesOn = await withUnsafeContinuation { socket.writers.append($0) }
    if !goesOn { throw .disconnected }
  }

  func closeWebSocket(_ code: UInt16, _ reason: String) {
    core.webSocket?.close(code, reason)
  }
}
