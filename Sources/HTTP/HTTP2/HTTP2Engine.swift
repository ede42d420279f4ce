import Bytes
import CNGHTTP2
import LinuxIO

/// HTTP/2 on one connection (RFC 9113), by nghttp2; gRPC too.
final class HTTP2Engine: ProtocolEngine {
  unowned let core: ConnectionCore
  private var session: OpaquePointer?
  var streams: [Int32: HTTP2Stream] = [:]
  private(set) var inputDeadline: MonotonicTime
  private var resets: FloodGuard
  private var controls: FloodGuard
  private var isFlooded = false
  private var isEnding = false
  private var isBroken = false
  /// When a header block began that is not complete yet.
  var headStart: MonotonicTime?
  private var lastStreamID: Int32 = 0

  /// `nil` where nghttp2 has no memory for a session.
  init?(_ core: ConnectionCore) {
    self.core = core
    let now = core.loop.turnTime
    let limits = core.limits
    resets = FloodGuard(
      burst: limits.resetsBurst, perSecond: limits.resetsPerSecond, now: now)
    controls = FloodGuard(
      burst: limits.controlFramesBurst, perSecond: limits.controlFramesPerSecond, now: now)
    inputDeadline = now.adding(seconds: limits.idleSeconds)
    session = Self.makeSession(limits, owner: Unmanaged.passUnretained(self).toOpaque())
    guard let session else { return nil }
    var settings = [
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
        value: UInt32(limits.streamsMax)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
        value: UInt32(limits.streamWindowBytes)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_FRAME_SIZE.rawValue),
        value: UInt32(min(max(limits.frameBytesMax, 1 << 14), 1 << 24 - 1))),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
        value: UInt32(limits.headBytesMax)),
    ]
    nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), &settings, settings.count)
    nghttp2_session_set_local_window_size(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(limits.connectionWindowBytes))
  }

  deinit { if let session { nghttp2_session_del(session) } }

  enum Match { case yes, no, partly }

  /// Whether bytes begin with the client's preface; RFC 9113, section 3.4.
  static func matchesPreface(_ bytes: UnsafeRawBufferPointer) -> Match {
    let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    let count = min(bytes.count, preface.count)
    guard bytes[..<count].elementsEqual(preface[..<count]) else { return .no }
    return bytes.count >= preface.count ? .yes : .partly
  }

  // MARK: Input

  var wantsInput: Bool {
    // A peer that does not take its answers is not asked for more work.
    !isEnding && core.output.byteCount <= core.limits.outputBytesHigh
  }

  func receiveInPlace(_ transport: Transport) -> Transfer? { nil }

  func receive(_ bytes: UnsafeRawBufferPointer) {
    guard let session, !isEnding else { return }
    let count = nghttp2_session_mem_recv(
      session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    if count < 0 {
      breakOff(isFlooded || count == ssize_t(NGHTTP2_ERR_FLOODED.rawValue))
      return
    }
    if isFlooded { endOverFlood() }
    afterActivity()
  }

  private func afterActivity() {
    updateDeadline()
    core.scheduleFlush()
  }

  /// nghttp2 gave the session up and may not be asked again: the GOAWAY is written by hand.
  private func breakOff(_ overFlood: Bool) {
    core.service.metrics.refused("http2_protocol")
    isEnding = true
    isBroken = true
    let code = overFlood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR
    var frame: [UInt8] = [0, 0, 8, UInt8(NGHTTP2_GOAWAY.rawValue), 0, 0, 0, 0, 0]
    frame.appendBigEndian(UInt32(lastStreamID))
    frame.appendBigEndian(code.rawValue)
    core.output.append(frame)
    core.closeAfterFlush()
  }

  private func endOverFlood() {
    guard let session, !isEnding else { return }
    isEnding = true
    nghttp2_session_terminate_session(session, UInt32(NGHTTP2_ENHANCE_YOUR_CALM.rawValue))
    for stream in Array(streams.values) {
      if let exchange = stream.exchange { core.abandon(exchange) }
    }
    core.closeAfterFlush()
  }

  /// Counts a frame that costs the server work and the peer nothing.
  func countFrame(_ header: nghttp2_frame_hd) {
    let now = core.loop.turnTime
    switch UInt32(header.type) {
    case NGHTTP2_RST_STREAM.rawValue:
      if !resets.take(now) { flooded("http2_resets") }
    case NGHTTP2_DATA.rawValue:
      let ends = UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
      if header.length == 0, !ends, !controls.take(now) { flooded("http2_control_frames") }
    case NGHTTP2_HEADERS.rawValue, NGHTTP2_CONTINUATION.rawValue, NGHTTP2_WINDOW_UPDATE.rawValue:
      break
    default:
      if !controls.take(now) { flooded("http2_control_frames") }
    }
  }

  /// Counts a stream that we had to reset: peers can provoke these as cheaply as their own.
  func countReset() {
    if !resets.take(core.loop.turnTime) { flooded("http2_resets") }
  }

  private func flooded(_ reason: String) {
    guard !isFlooded else { return }
    isFlooded = true
    core.service.metrics.refused(reason)
  }

  var refusesStreams: Bool { isFlooded || isEnding }

  func inputEnded() { core.close(reset: false) }

  // MARK: Requests

  /// The head of a request is complete: its handler starts, or it is refused.
  func headEnded(_ stream: HTTP2Stream, endsStream: Bool) {
    guard !stream.isHeadComplete, let connection = core.connection else { return }
    stream.isHeadComplete = true
    stream.isInputEnded = endsStream
    lastStreamID = max(lastStreamID, stream.id)
    let exchange = Exchange(
      id: stream.id, isHead: stream.method == .head, budget: core.service.bodies)
    stream.exchange = exchange
    exchange.isBodyEnded = endsStream
    if stream.isHeadTooLarge {
      refuse(exchange, .headTooLarge(core.limits))
      return
    }
    if core.exchangeCount >= 2 * core.limits.streamsMax {
      // Handlers of reset streams still run; the peer may come again when they are done.
      reset(stream.id, NGHTTP2_REFUSED_STREAM)
      return
    }
    if !stream.authority.isEmpty, !stream.headers.contains("host") {
      stream.headers.append("host", stream.authority)
    }
    let now = core.loop.turnTime
    stream.bodyStart = now
    stream.lastMoved = now
    if !endsStream, !prepareBody(stream, exchange) { return }
    let request = Request(
      method: stream.method, target: RequestTarget(stream.path), headers: stream.headers,
      version: .http2, peer: core.peer, isSecure: core.transport.isSecure,
      connection: connection, id: stream.id, hasBody: !endsStream)
    core.dispatch(exchange, request)
  }

  private func prepareBody(_ stream: HTTP2Stream, _ exchange: Exchange) -> Bool {
    if let type = stream.headers["content-type"], type.hasPrefix("application/grpc") {
      exchange.prefixBytesLeft = 5
    }
    if let text = stream.headers["content-length"], let length = Int(text) {
      exchange.bodyLength = length
      guard length <= core.limits.bodyBytesMax else {
        refuse(exchange, .bodyTooLarge(core.limits.bodyBytesMax))
        return false
      }
      exchange.reserve(min(length, 1 << 20))
    }
    return true
  }

  private func refuse(_ exchange: Exchange, _ error: HTTPError) {
    core.service.metrics.refused("status_\(error.status.code)")
    exchange.isHandlerDone = true
    exchange.failBody(error)
    core.refuse(exchange, error)
  }

  func dataCame(_ stream: HTTP2Stream, _ bytes: UnsafeRawBufferPointer) {
    stream.unconsumed += bytes.count
    stream.lastMoved = core.loop.turnTime
    guard let exchange = stream.exchange else { return }
    exchange.append(bytes)
    if exchange.bodyBytesTotal > core.limits.bodyBytesMax, exchange.bodyFailure == nil {
      refuse(exchange, .bodyTooLarge(core.limits.bodyBytesMax))
    }
    if !exchange.charge(bytes.count, bytesMax: core.limits.bodiesBytesMax) {
      refuse(exchange, .tooManyBodies)
    }
    exchange.serveDemand()
    consume(stream)
  }

  /// Opens the peer's window again by what was received, where the handler keeps up.
  private func consume(_ stream: HTTP2Stream) {
    guard let session, stream.unconsumed > 0,
      stream.exchange?.mayBuffer(core.limits.bodyBufferedBytesMax) ?? true
    else { return }
    nghttp2_session_consume(session, stream.id, stream.unconsumed)
    stream.unconsumed = 0
  }

  func bodyWasDemanded(_ exchange: Exchange) {
    guard let stream = streams[exchange.id] else { return }
    if exchange.continueIsDue { exchange.continueIsDue = false }
    stream.lastMoved = core.loop.turnTime
    consume(stream)
    afterActivity()
  }

  func streamInputEnded(_ stream: HTTP2Stream) {
    guard !stream.isInputEnded else { return }
    stream.isInputEnded = true
    stream.exchange?.endBody()
  }

  func streamClosed(_ stream: HTTP2Stream) {
    streams[stream.id] = nil
    guard let session, let exchange = stream.exchange else { return }
    if stream.unconsumed > 0 { nghttp2_session_consume_connection(session, stream.unconsumed) }
    if exchange.response != .ended || !stream.isOutputEnded {
      core.abandon(exchange)
    } else {
      exchange.resumeWriters(false)
    }
  }

  func reset(_ id: Int32, _ code: nghttp2_error_code) {
    guard let session else { return }
    nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
  }

  // MARK: Deadlines

  private func updateDeadline() {
    let now = core.loop.turnTime
    if let headStart {
      inputDeadline = headStart.adding(seconds: core.limits.headSeconds)
    } else if streams.isEmpty {
      inputDeadline = now.adding(seconds: core.limits.idleSeconds)
    } else if streams.values.contains(where: { !$0.isInputEnded }) {
      inputDeadline = now.adding(seconds: core.limits.bodyStallSeconds / 2)
    } else {
      inputDeadline = .distantFuture
    }
  }

  func inputDeadlinePassed() {
    let now = core.loop.turnTime
    if headStart != nil {
      core.service.metrics.refused("http2_head_timeout")
      core.close(reset: true)
      return
    }
    if streams.isEmpty {
      terminate()
      return
    }
    for stream in Array(streams.values) where !stream.isInputEnded {
      guard let exchange = stream.exchange, isTooSlow(stream, exchange, now) else { continue }
      let error = HTTPError(
        .timedOut, status: .requestTimeout, "the request's body did not come in time")
      core.service.metrics.refused("status_408")
      exchange.failBody(error)
      if exchange.response == .none { core.refuse(exchange, error) } else { core.abort(exchange) }
      exchange.task?.cancel()
    }
    afterActivity()
  }

  private func isTooSlow(_ stream: HTTP2Stream, _ exchange: Exchange, _ now: MonotonicTime) -> Bool
  {
    let limits = core.limits
    guard stream.unconsumed == 0 else { return false }
    if now.seconds(since: stream.lastMoved) >= limits.bodyStallSeconds { return true }
    let taken = now.seconds(since: stream.bodyStart)
    return taken > limits.bodyGraceSeconds
      && Double(exchange.bodyBytesTotal) < taken * Double(limits.bodyBytesPerSecondMin)
  }

  private func terminate() {
    guard let session, !isEnding else { return }
    isEnding = true
    nghttp2_session_terminate_session(session, UInt32(NGHTTP2_NO_ERROR.rawValue))
    core.closeAfterFlush()
  }

  func drain() {
    guard let session, !isEnding else { return }
    nghttp2_submit_goaway(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), lastStreamID,
      UInt32(NGHTTP2_NO_ERROR.rawValue), nil, 0)
    core.scheduleFlush()
  }

  // MARK: Output

  func respond(_ exchange: Exchange, _ status: HTTPStatus, _ headers: HTTPHeaders, _ body: [UInt8])
  {
    guard let stream = streams[exchange.id] else { return }
    let hasBody = !body.isEmpty && !exchange.isHead && !status.isBodiless
    stream.isOutputEnded = true
    if hasBody { stream.outgoing.append(body) }
    let isGRPC = headers["content-type"]?.hasPrefix("application/grpc") ?? false
    let length = status.isBodiless || (isGRPC && body.isEmpty) ? nil : body.count
    submit(stream, status, headers, length: length, hasBody: hasBody)
  }

  func begin(_ exchange: Exchange, _ status: HTTPStatus, _ headers: HTTPHeaders) {
    guard let stream = streams[exchange.id] else { return }
    let stated = headers["content-length"].flatMap { Int($0) }
    submit(stream, status, headers, length: stated, hasBody: true)
  }

  private func submit(
    _ stream: HTTP2Stream, _ status: HTTPStatus, _ headers: HTTPHeaders, length: Int?,
    hasBody: Bool
  ) {
    guard let session else { return }
    var block = HTTP2FieldBlock()
    block.append(":status", "\(status.code)")
    block.append("date".utf8, core.service.date(core.loop.turnTime))
    if let length { block.append("content-length", "\(length)") }
    block.append(headers)
    var source = nghttp2_data_provider()
    source.read_callback = HTTP2Engine.readData
    block.withFields { fields in
      if hasBody {
        nghttp2_submit_response(session, stream.id, fields.baseAddress, fields.count, &source)
      } else {
        nghttp2_submit_response(session, stream.id, fields.baseAddress, fields.count, nil)
      }
    }
  }

  func write(_ exchange: Exchange, _ bytes: [UInt8]) -> Bool {
    guard let session, let stream = streams[exchange.id] else { return false }
    if !bytes.isEmpty, !exchange.isHead {
      stream.outgoing.append(bytes)
      resume(stream, session)
    }
    return stream.outgoing.byteCount > core.limits.outputBytesHigh
  }

  private func resume(_ stream: HTTP2Stream, _ session: OpaquePointer) {
    guard stream.isDeferred else { return }
    stream.isDeferred = false
    nghttp2_session_resume_data(session, stream.id)
  }

  func end(_ exchange: Exchange, _ trailers: HTTPHeaders) {
    guard let session, let stream = streams[exchange.id] else { return }
    stream.isOutputEnded = true
    stream.trailers = trailers
    resume(stream, session)
  }

  func submitTrailers(_ stream: HTTP2Stream) {
    guard let session else { return }
    var block = HTTP2FieldBlock()
    block.append(stream.trailers)
    block.withFields { fields in
      nghttp2_submit_trailer(session, stream.id, fields.baseAddress, fields.count)
    }
  }

  func abort(_ exchange: Exchange) { reset(exchange.id, NGHTTP2_INTERNAL_ERROR) }

  func fillOutput() {
    guard let session, !isBroken else { return }
    while core.output.byteCount < core.limits.outputBytesHigh {
      var bytes: UnsafePointer<UInt8>?
      let before = core.output.byteCount
      let count = nghttp2_session_mem_send(session, &bytes)
      if count < 0 {
        core.close(reset: true)
        return
      }
      if count > 0, let bytes {
        core.output.append(UnsafeBufferPointer(start: bytes, count: count))
      } else if core.output.byteCount == before {
        break
      }
    }
    if isFlooded { endOverFlood() }
    let isOver =
      nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    if !isEnding, isOver || (core.isDraining && streams.isEmpty) {
      isEnding = true
      core.closeAfterFlush()
    }
  }

  func outputMoved() { updateDeadline() }
}
