import LinuxIO

/// HTTP/1.0 and 1.1 on one connection: requests one after another, pipelined ones waiting.
final class HTTP1Engine: ProtocolEngine {
  enum Phase {
    /// Nothing of a request came yet, or a part of its head.
    case head
    case body(remaining: Int)
    case chunked(HTTP1ChunkDecoder)
    /// The request is here as a whole; its response is not.
    case answering
    /// Nothing more is read: the connection ends after its output.
    case ended
  }

  unowned let core: ConnectionCore
  private(set) var phase = Phase.head
  /// Bytes that came but were not used: part of a head, or pipelined requests.
  private var pending: [UInt8] = []
  /// Where the search for the head's end goes on.
  private var scanned = 0
  private var current: Exchange?
  private var lastID: Int32 = 0
  private(set) var inputDeadline: MonotonicTime
  private var bodyStart = MonotonicTime(nanoseconds: 0)
  private var discarded = 0
  /// Whether the first bytes may still turn out to be HTTP/2.
  private var mayBeHTTP2: Bool
  private var response = HTTP1Response()
  private var peerEnded = false
  /// The handler did not read, so that the body had to wait.
  private var wasPaused = false
  private var requestKeepsAlive = false
  private var requestIsOld = false

  init(_ core: ConnectionCore) {
    self.core = core
    mayBeHTTP2 = true
    inputDeadline = core.loop.turnTime.adding(seconds: core.limits.headSeconds)
  }

  var wantsInput: Bool {
    switch phase {
    case .head: true
    case .body, .chunked: current?.mayBuffer(core.limits.bodyBufferedBytesMax) ?? true
    // A little is read on to see the client's end, and no more than one head.
    case .answering: !peerEnded && pending.isEmpty
    case .ended: false
    }
  }

  // MARK: Input

  func receive(_ bytes: UnsafeRawBufferPointer) {
    guard pending.isEmpty else {
      pending.append(contentsOf: bytes)
      processPending()
      return
    }
    let used = process(bytes)
    if used < bytes.count, !isEnded { pending.append(contentsOf: bytes[used...]) }
  }

  private var isEnded: Bool {
    if case .ended = phase { return true }
    return false
  }

  private func processPending() {
    guard !pending.isEmpty else { return }
    let bytes = pending
    pending = []
    let used = bytes.withUnsafeBytes { process($0) }
    if isEnded { return }
    pending = used == 0 ? bytes : Array(bytes[used...])
  }

  /// Uses as much of `bytes` as the current state can; returns how many bytes that were.
  private func process(_ bytes: UnsafeRawBufferPointer) -> Int {
    var used = 0
    while used < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
      let before = used
      switch phase {
      case .head: used += takeHead(rest)
      case .body(let remaining): used += takeBody(rest, remaining)
      case .chunked(let decoder): used += takeChunked(rest, decoder)
      case .answering, .ended: return used
      }
      if used == before { return used }
    }
    return used
  }

  private func takeHead(_ bytes: UnsafeRawBufferPointer) -> Int {
    if mayBeHTTP2 {
      switch HTTP2Engine.matchesPreface(bytes) {
      case .yes:
        phase = .ended
        core.switchToHTTP2(bytes)
        return bytes.count
      case .partly: return 0
      case .no: mayBeHTTP2 = false
      }
    }
    // Blank lines before a request are ignored, a few of them.
    var start = 0
    while start < min(bytes.count, 8), bytes[start] == 0x0d || bytes[start] == 0x0a { start += 1 }
    if start > 0 {
      scanned = 0
      return start
    }
    guard let first = bytes.first, isTokenByte(first) else {
      // TLS or something else altogether: waiting for more would help nobody.
      failHead(.malformed("the request does not begin with a method; is it TLS?"))
      return 0
    }
    if scanned == 0 {
      inputDeadline = core.loop.turnTime.adding(seconds: core.limits.headSeconds)
    }
    guard let end = headEnd(bytes) else {
      if bytes.count > core.limits.headBytesMax { failHead(.headTooLarge(core.limits)) }
      return 0
    }
    scanned = 0
    guard end <= core.limits.headBytesMax else {
      failHead(.headTooLarge(core.limits))
      return 0
    }
    do throws(HTTPError) {
      begin(
        try HTTP1Head.parse(Array(bytes[..<end]), fieldsMax: core.limits.headFieldsMax))
    } catch {
      failHead(error)
    }
    return end
  }

  /// Where the blank line ends that ends a head; malformed line ends are found by the parser.
  private func headEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var index = max(scanned, 1)
    while index < bytes.count {
      if bytes[index] == 0x0a {
        if bytes[index - 1] == 0x0a { return index + 1 }
        if index >= 3, bytes[index - 1] == 0x0d, bytes[index - 2] == 0x0a { return index + 1 }
      }
      index += 1
    }
    scanned = bytes.count
    return nil
  }

  private func begin(_ head: HTTP1Head) {
    guard let connection = core.connection else { return }
    lastID &+= 1
    let exchange = Exchange(
      id: lastID, isHead: head.method == .head, budget: core.service.bodies)
    current = exchange
    response = HTTP1Response()
    requestIsOld = head.version == .http1_0
    requestKeepsAlive = head.keepsAlive && !core.isDraining
    discarded = 0
    inputDeadline = .distantFuture
    let request = Request(
      method: head.method, target: RequestTarget(head.target), headers: head.headers,
      version: head.version, peer: core.peer, isSecure: core.transport.isSecure,
      connection: connection, id: exchange.id, hasBody: head.framing != .length(0))
    switch head.framing {
    case .length(0):
      phase = .answering
      exchange.isBodyEnded = true
    case .length(let length):
      phase = .body(remaining: length)
      exchange.bodyLength = length
      guard length <= core.limits.bodyBytesMax else {
        failHead(.bodyTooLarge(core.limits.bodyBytesMax), exchange)
        return
      }
      exchange.reserve(min(length, 1 << 20))
      beginBody()
    case .chunked:
      phase = .chunked(HTTP1ChunkDecoder())
      beginBody()
    }
    exchange.continueIsDue = head.expectsContinue && !exchange.isBodyEnded
    core.dispatch(exchange, request)
  }

  private func beginBody() {
    bodyStart = core.loop.turnTime
    inputDeadline = bodyStart.adding(seconds: core.limits.bodyStallSeconds)
  }

  private func takeBody(_ bytes: UnsafeRawBufferPointer, _ remaining: Int) -> Int {
    let count = min(remaining, bytes.count)
    current?.append(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    bodyCame(count, remaining)
    return count
  }

  func receiveInPlace(_ transport: Transport) -> Transfer? {
    guard case .body(let remaining) = phase, pending.isEmpty, let current,
      !current.isDiscarding, current.prefixBytesLeft == 0
    else { return nil }
    let room = min(remaining, max(64 << 10, current.body.capacity - current.body.count), 1 << 20)
    var moved = Transfer.wouldBlock
    current.body.append(addingCapacity: room) { span in
      span.withUnsafeMutableBufferPointer { buffer, initialized in
        let free = UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[initialized...])
        moved = transport.receive(into: UnsafeMutableRawBufferPointer(rebasing: free[..<room]))
        if case .bytes(let count) = moved { initialized += count }
      }
    }
    if case .bytes(let count) = moved {
      current.bodyBytesTotal += count
      bodyCame(count, remaining)
    }
    return moved
  }

  private func bodyCame(_ count: Int, _ remaining: Int) {
    phase = .body(remaining: remaining - count)
    guard let current else { return }
    guard current.charge(count, bytesMax: core.limits.bodiesBytesMax) else {
      failBody(current, .tooManyBodies)
      return
    }
    if current.isDiscarding, !discard(count) { return }
    if remaining == count {
      bodyEnded(current)
    } else {
      bodyMoved(current)
    }
  }

  private func takeChunked(_ bytes: UnsafeRawBufferPointer, _ decoder: HTTP1ChunkDecoder) -> Int {
    guard let current else { return bytes.count }
    var decoder = decoder
    let used: Int
    do throws(HTTPError) {
      used = try decoder.decode(bytes) { current.append($0) }
    } catch {
      failBody(current, error)
      return bytes.count
    }
    phase = .chunked(decoder)
    if current.bodyBytesTotal > core.limits.bodyBytesMax {
      failBody(current, .bodyTooLarge(core.limits.bodyBytesMax))
      return bytes.count
    }
    guard current.charge(used, bytesMax: core.limits.bodiesBytesMax) else {
      failBody(current, .tooManyBodies)
      return bytes.count
    }
    if current.isDiscarding, !discard(used) { return bytes.count }
    if decoder.isEnded { bodyEnded(current) } else { bodyMoved(current) }
    return used
  }

  private func bodyMoved(_ exchange: Exchange) {
    exchange.serveDemand()
    if !exchange.mayBuffer(core.limits.bodyBufferedBytesMax) { wasPaused = true }
    let now = core.loop.turnTime
    inputDeadline = now.adding(seconds: core.limits.bodyStallSeconds)
    if now.seconds(since: bodyStart) > core.limits.bodyGraceSeconds,
      Double(exchange.bodyBytesTotal)
        < now.seconds(since: bodyStart) * Double(core.limits.bodyBytesPerSecondMin)
    {
      inputDeadlinePassed()
    }
  }

  private func bodyEnded(_ exchange: Exchange) {
    phase = .answering
    inputDeadline = .distantFuture
    exchange.endBody()
    if exchange.response == .ended { finish() }
  }

  /// Counts what is thrown away; `false` when it became too much and the connection ends.
  private func discard(_ count: Int) -> Bool {
    discarded += count
    guard discarded > core.limits.discardBytesMax else { return true }
    end()
    return false
  }

  func bodyWasDemanded(_ exchange: Exchange) {
    guard exchange === current else { return }
    // The time in which the handler did not read is not the client's.
    if !exchange.isBodyEnded, wasPaused || exchange.continueIsDue {
      wasPaused = false
      beginBody()
    }
    if exchange.continueIsDue, exchange.bodyBytesTotal == 0, exchange.response == .none {
      core.output.append("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    }
    exchange.continueIsDue = false
  }

  func inputEnded() {
    peerEnded = true
    switch phase {
    case .head: core.close(reset: false)
    case .body, .chunked: core.close(reset: true)
    case .answering:
      requestKeepsAlive = false
      // A client that half-closes can be answered still, but most are simply gone.
      if pending.isEmpty { current?.task?.cancel() }
    case .ended: break
    }
  }

  func inputDeadlinePassed() {
    switch phase {
    case .head:
      if pending.isEmpty {
        core.close(reset: false)
      } else {
        failHead(
          HTTPError(.timedOut, status: .requestTimeout, "the request's head did not come in time"))
      }
    case .body, .chunked:
      guard let current else { return }
      if current.mayBuffer(core.limits.bodyBufferedBytesMax) {
        failBody(
          current,
          HTTPError(.timedOut, status: .requestTimeout, "the request's body did not come in time"))
      } else {
        // The handler does not read: the client is not to blame.
        inputDeadline = core.loop.turnTime.adding(seconds: core.limits.bodyStallSeconds)
      }
    case .answering, .ended: inputDeadline = .distantFuture
    }
  }

  // MARK: Failures

  /// Answers a request that could not be read; nothing after it is read either.
  private func failHead(_ error: HTTPError, _ exchange: Exchange? = nil) {
    core.service.metrics.refused("status_\(error.status.code)")
    let exchange =
      exchange
      ?? Exchange(id: lastID &+ 1, isHead: false, budget: core.service.bodies)
    exchange.isHandlerDone = true
    exchange.bodyFailure = error
    exchange.startedAt = core.loop.turnTime.nanoseconds
    current = exchange
    requestKeepsAlive = false
    response = HTTP1Response()
    phase = .ended
    inputDeadline = .distantFuture
    core.refuse(exchange, error)
  }

  /// The rest of a body cannot be read: the handler is told, and answers or is answered for.
  private func failBody(_ exchange: Exchange, _ error: HTTPError) {
    core.service.metrics.refused("status_\(error.status.code)")
    phase = .ended
    requestKeepsAlive = false
    inputDeadline = .distantFuture
    if exchange.response == .ended {
      core.closeAfterFlush()
      return
    }
    exchange.failBody(error)
    if exchange.response == .none {
      core.refuse(exchange, error)
    } else {
      core.abort(exchange)
    }
    exchange.task?.cancel()
  }

  // MARK: Output

  func respond(_ exchange: Exchange, _ status: HTTPStatus, _ headers: HTTPHeaders, _ body: [UInt8])
  {
    guard exchange === current else { return }
    writeHead(exchange, status, headers, length: body.count)
    if !exchange.isHead, !status.isBodiless { core.output.append(body) }
    finish()
  }

  func begin(_ exchange: Exchange, _ status: HTTPStatus, _ headers: HTTPHeaders) {
    guard exchange === current else { return }
    writeHead(exchange, status, headers, length: nil)
  }

  private func writeHead(
    _ exchange: Exchange, _ status: HTTPStatus, _ headers: HTTPHeaders, length: Int?
  ) {
    // An unread body that is known to be long, or was never asked for, ends the connection.
    if !exchange.isBodyEnded, exchange.response == .none, mustCloseOverBody(exchange) {
      requestKeepsAlive = false
    }
    if core.isDraining { requestKeepsAlive = false }
    response.begin(
      status, headers, length: length, isHead: exchange.isHead, isOld: requestIsOld,
      keepsAlive: &requestKeepsAlive, date: core.service.date(core.loop.turnTime),
      into: &core.output)
  }

  private func mustCloseOverBody(_ exchange: Exchange) -> Bool {
    if exchange.continueIsDue || exchange.bodyFailure != nil { return true }
    if case .body(let remaining) = phase { return remaining > core.limits.discardBytesMax }
    return false
  }

  func write(_ exchange: Exchange, _ bytes: [UInt8]) -> Bool {
    guard exchange === current else { return false }
    if !bytes.isEmpty, !exchange.isHead { response.write(bytes, into: &core.output) }
    return core.output.byteCount > core.limits.outputBytesHigh
  }

  func end(_ exchange: Exchange, _ trailers: HTTPHeaders) {
    guard exchange === current else { return }
    if !exchange.isHead { response.end(trailers, into: &core.output) }
    if response.isShort { requestKeepsAlive = false }
    finish()
  }

  func abort(_ exchange: Exchange) {
    guard exchange === current else { return }
    core.close(reset: true)
  }

  func fillOutput() {}

  func outputMoved() {
    if core.output.byteCount <= core.limits.outputBytesLow { current?.resumeWriters(true) }
  }

  /// The response is queued whole: on to the next request, or to the end.
  private func finish() {
    guard let exchange = current else { return }
    exchange.response = .ended
    guard requestKeepsAlive else {
      end()
      return
    }
    guard case .answering = phase else { return }
    current = nil
    phase = .head
    inputDeadline = core.loop.turnTime.adding(seconds: core.limits.idleSeconds)
    if !pending.isEmpty {
      processPending()
    } else if peerEnded || core.isDraining {
      end()
    }
  }

  private func end() {
    phase = .ended
    pending = []
    inputDeadline = .distantFuture
    core.closeAfterFlush()
  }

  func drain() {
    if case .head = phase, pending.isEmpty { core.close(reset: false) }
  }

  // MARK: Upgrade

  /// Answers 101 and gives up the connection; what the client sent already is returned.
  func switchProtocols(_ exchange: Exchange, _ headers: HTTPHeaders) throws(HTTPError) -> [UInt8] {
    guard exchange === current, case .answering = phase else {
      throw .misuse("an upgrade needs a request without a body, before its response")
    }
    core.output.append("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n".utf8)
    core.output.edit { out in HTTP1Response.append(headers, to: &out) }
    core.output.append("\r\n".utf8)
    phase = .ended
    defer { pending = [] }
    return pending
  }
}

extension HTTPError {
  static func headTooLarge(_ limits: HTTPLimits) -> HTTPError {
    .malformed(
      "the request's head is longer than \(limits.headBytesMax) bytes",
      status: .headerFieldsTooLarge)
  }
}
