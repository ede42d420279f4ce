import CNGHTTP2
import LinuxIO

/// What nghttp2 calls while it reads and writes; all of it on the connection's loop.
extension HTTP2Engine {
  static func makeSession(_ limits: HTTPLimits, owner: UnsafeMutableRawPointer) -> OpaquePointer? {
    var callbacks: OpaquePointer?
    var option: OpaquePointer?
    guard nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
    defer { nghttp2_session_callbacks_del(callbacks) }
    guard nghttp2_option_new(&option) == 0 else { return nil }
    defer { nghttp2_option_del(option) }
    // Windows open as handlers read, not as bytes come.
    nghttp2_option_set_no_auto_window_update(option, 1)
    nghttp2_option_set_max_continuations(option, limits.continuationsMax)
    nghttp2_option_set_max_outbound_ack(option, 1000)
    // Closed streams are not remembered for priorities, which are not used.
    nghttp2_option_set_no_closed_streams(option, 1)
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, owner in
      guard let header, let engine = HTTP2Engine.of(owner) else { return 0 }
      engine.countFrame(header.pointee)
      return 0
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, owner in
      guard let frame, let engine = HTTP2Engine.of(owner) else { return 0 }
      return engine.headersBegan(frame.pointee)
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameLength, value, valueLength, _, owner in
      guard let frame, let name, let value, let engine = HTTP2Engine.of(owner) else { return 0 }
      engine.headerCame(
        frame.pointee.hd.stream_id, UnsafeBufferPointer(start: name, count: nameLength),
        UnsafeBufferPointer(start: value, count: valueLength))
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, owner in
      guard let frame, let engine = HTTP2Engine.of(owner) else { return 0 }
      engine.frameCame(frame.pointee.hd)
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      _, _, id, data, length, owner in
      guard let engine = HTTP2Engine.of(owner), let stream = engine.streams[id] else { return 0 }
      engine.dataCame(stream, UnsafeRawBufferPointer(start: data, count: length))
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, _, owner in
      guard let engine = HTTP2Engine.of(owner), let stream = engine.streams[id] else { return 0 }
      engine.streamClosed(stream)
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, owner in
      guard let frame, let engine = HTTP2Engine.of(owner) else { return 0 }
      engine.frameWasSent(frame.pointee.hd)
      return 0
    }
    nghttp2_session_callbacks_set_send_data_callback(callbacks) {
      _, frame, head, length, _, owner in
      guard let frame, let head, let engine = HTTP2Engine.of(owner),
        let stream = engine.streams[frame.pointee.hd.stream_id]
      else { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue }
      engine.sendData(stream, UnsafeBufferPointer(start: head, count: 9), length)
      return 0
    }
    var session: OpaquePointer?
    guard nghttp2_session_server_new2(&session, callbacks, owner, option) == 0 else { return nil }
    return session
  }

  private static func of(_ owner: UnsafeMutableRawPointer?) -> HTTP2Engine? {
    // The engine outlives its session, which it deletes at its own end.
    owner.map { Unmanaged<HTTP2Engine>.fromOpaque($0).takeUnretainedValue() }
  }

  /// What nghttp2 asks for more of a response; bytes are moved by ``sendData(_:_:_:)``.
  static let readData: nghttp2_data_source_read_callback = { _, id, _, length, flags, _, owner in
    guard let flags, let engine = HTTP2Engine.of(owner), let stream = engine.streams[id] else {
      return ssize_t(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    let waiting = stream.outgoing.byteCount
    guard waiting > 0 || stream.isOutputEnded else {
      stream.isDeferred = true
      return ssize_t(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    let count = min(waiting, length)
    flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
    if stream.isOutputEnded, count == waiting {
      flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
      if !stream.trailers.isEmpty {
        flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
        engine.submitTrailers(stream)
      }
    }
    return ssize_t(count)
  }

  private func headersBegan(_ frame: nghttp2_frame) -> Int32 {
    headStart = core.loop.turnTime
    let id = frame.hd.stream_id
    guard streams[id] == nil else { return 0 }
    if refusesStreams { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue }
    streams[id] = HTTP2Stream(id: id)
    return 0
  }

  private func headerCame(
    _ id: Int32, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
  ) {
    // Trailers of a request are read over.
    guard let stream = streams[id], !stream.isHeadComplete else { return }
    // As RFC 9113, section 6.5.2, counts a list: 32 bytes more for each field.
    stream.headBytes += name.count + value.count + 32
    let isTooLong =
      stream.headBytes > core.limits.headBytesMax
      || stream.headers.count >= core.limits.headFieldsMax
    guard !isTooLong else {
      stream.isHeadTooLarge = true
      return
    }
    guard name.first == 0x3a else {
      appendField(stream, name, value)
      return
    }
    switch String(decoding: name, as: UTF8.self) {
    case ":method": stream.method = HTTPMethod(value)
    case ":path": stream.path = String(decoding: value, as: UTF8.self)
    case ":authority": stream.authority = String(decoding: value, as: UTF8.self)
    default: break
    }
  }

  private func appendField(
    _ stream: HTTP2Stream, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
  ) {
    stream.headers.append(name: name, value: value)
  }

  private func frameCame(_ header: nghttp2_frame_hd) {
    let ends = UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
    switch UInt32(header.type) {
    case NGHTTP2_HEADERS.rawValue:
      headStart = nil
      guard let stream = streams[header.stream_id] else { return }
      if stream.isHeadComplete {
        if ends { streamInputEnded(stream) }
      } else {
        headEnded(stream, endsStream: ends)
      }
    case NGHTTP2_DATA.rawValue:
      if ends, let stream = streams[header.stream_id] { streamInputEnded(stream) }
    default: break
    }
  }

  private func frameWasSent(_ header: nghttp2_frame_hd) {
    switch UInt32(header.type) {
    case NGHTTP2_RST_STREAM.rawValue: countReset()
    case NGHTTP2_DATA.rawValue, NGHTTP2_HEADERS.rawValue:
      let ends = UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
      guard ends, let stream = streams[header.stream_id], !stream.isInputEnded else { return }
      // The answer is out; the rest of the request is not wanted (RFC 9113, section 8.1).
      stream.isInputEnded = true
      reset(stream.id, NGHTTP2_NO_ERROR)
    default: break
    }
  }

  private func sendData(_ stream: HTTP2Stream, _ head: UnsafeBufferPointer<UInt8>, _ length: Int) {
    core.output.append(head)
    var rest = length
    while rest > 0 {
      stream.outgoing.withFirst { bytes, _ in
        let count = min(rest, bytes.count)
        core.output.append(bytes[..<count])
        rest -= count
        return count
      }
    }
    if stream.outgoing.byteCount <= core.limits.outputBytesLow {
      stream.exchange?.resumeWriters(true)
    }
  }
}
