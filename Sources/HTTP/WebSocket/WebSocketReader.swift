/// Puts messages together of the frames that a client sends, as its bytes come in; RFC 6455,
/// sections 5.4 to 5.6.
///
/// Keeps no more than one message of `messageBytesMax` and the frame that is being read.
struct WebSocketReader {
  enum Event: Equatable {
    case message(WebSocketMessage)
    case ping([UInt8])
    case pong
    /// The client's close frame; 1000 when it names no code.
    case close(code: UInt16)
  }

  let messageBytesMax: Int
  private var pending: [UInt8] = []
  private var used = 0
  private var fragments: [UInt8] = []
  private var opcode: WebSocketFrame.Opcode?

  init(messageBytesMax: Int) { self.messageBytesMax = messageBytesMax }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    pending.removeFirst(used)
    used = 0
    pending.append(contentsOf: bytes)
  }

  /// What the next whole frames mean; nil where more bytes are needed.
  mutating func next() throws(WebSocketFrame.Violation) -> Event? {
    while true {
      let bytes = pending[used...]
      guard
        let head = try WebSocketFrame.parseHead(
          bytes, lengthMax: max(125, messageBytesMax - fragments.count)),
        bytes.count >= head.headBytes + head.length
      else { return nil }
      var payload = Array(bytes.dropFirst(head.headBytes).prefix(head.length))
      for index in payload.indices { payload[index] ^= head.mask[index & 3] }
      used += head.headBytes + head.length
      switch head.opcode {
      case .ping: return .ping(payload)
      case .pong: return .pong
      case .close: return .close(code: try WebSocketReader.closeCode(payload))
      case .text, .binary, .continuation:
        if let message = try message(head, payload) { return .message(message) }
      }
    }
  }

  /// The message that ends with this frame; nil for a part of one.
  private mutating func message(_ head: WebSocketFrame.Head, _ payload: [UInt8])
    throws(WebSocketFrame.Violation) -> WebSocketMessage?
  {
    guard (head.opcode == .continuation) == (opcode != nil) else {
      throw WebSocketFrame.Violation(code: 1002, reason: "fragments out of order")
    }
    let first = opcode ?? head.opcode
    if fragments.isEmpty { fragments = payload } else { fragments.append(contentsOf: payload) }
    guard head.isFinal else {
      opcode = first
      return nil
    }
    let whole = fragments
    fragments = []
    opcode = nil
    if first == .binary { return .binary(whole) }
    guard let text = String(validating: whole, as: UTF8.self) else {
      throw WebSocketFrame.Violation(code: 1007, reason: "a text that is not UTF-8")
    }
    return .text(text)
  }

  private static func closeCode(_ payload: [UInt8]) throws(WebSocketFrame.Violation) -> UInt16 {
    guard !payload.isEmpty else { return 1000 }
    guard payload.count >= 2 else {
      throw WebSocketFrame.Violation(code: 1002, reason: "a close code of one byte")
    }
    let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
    guard WebSocketFrame.isCloseCode(code),
      String(validating: payload[2...], as: UTF8.self) != nil
    else { throw WebSocketFrame.Violation(code: 1002, reason: "a malformed close frame") }
    return code
  }
}
