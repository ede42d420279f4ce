import Bytes

/// Frames of RFC 6455, section 5.2.
enum WebSocketFrame {
  enum Opcode: UInt8 {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    var isControl: Bool { rawValue >= 8 }
  }

  /// The head of a frame; the mask is empty where the server sends it.
  struct Head: Equatable {
    var opcode: Opcode
    var isFinal: Bool
    var length: Int
    var mask: [UInt8]
    /// The bytes that the head itself took.
    var headBytes: Int
  }

  /// Why a frame is refused: the code of the close frame that answers it.
  struct Violation: Error, Equatable {
    let code: UInt16
    let reason: String
  }

  /// A whole frame; with a mask of four bytes as clients send it, without one as servers do.
  static func encode(_ opcode: Opcode, _ payload: [UInt8], mask: [UInt8] = []) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(payload.count + 14)
    out.append(0x80 | opcode.rawValue)
    let maskBit: UInt8 = mask.isEmpty ? 0 : 0x80
    if payload.count < 126 {
      out.append(maskBit | UInt8(payload.count))
    } else if payload.count <= 0xffff {
      out.append(maskBit | 126)
      out.appendBigEndian(UInt16(payload.count))
    } else {
      out.append(maskBit | 127)
      out.appendBigEndian(UInt64(payload.count))
    }
    out.append(contentsOf: mask)
    if mask.isEmpty {
      out.append(contentsOf: payload)
    } else {
      for (index, byte) in payload.enumerated() { out.append(byte ^ mask[index & 3]) }
    }
    return out
  }

  /// Reads a head, or `nil` where more bytes are needed; lengths beyond `lengthMax` are refused.
  ///
  /// Clients mask their frames and servers do not: `isMasked` says who is heard.
  static func parseHead(_ bytes: ArraySlice<UInt8>, lengthMax: Int, isMasked: Bool = true)
    throws(Violation) -> Head?
  {
    guard bytes.count >= 2 else { return nil }
    let first = bytes[bytes.startIndex]
    let second = bytes[bytes.startIndex + 1]
    guard first & 0x70 == 0, let opcode = Opcode(rawValue: first & 0x0f) else {
      throw Violation(code: 1002, reason: "reserved bits or an unknown opcode")
    }
    guard (second & 0x80 != 0) == isMasked else {
      throw Violation(code: 1002, reason: isMasked ? "a frame without a mask" : "a masked frame")
    }
    let maskBytes = isMasked ? 4 : 0
    let isFinal = first & 0x80 != 0
    let short = Int(second & 0x7f)
    guard !opcode.isControl || (isFinal && short < 126) else {
      throw Violation(code: 1002, reason: "a long or fragmented control frame")
    }
    let extra = short == 126 ? 2 : short == 127 ? 8 : 0
    guard bytes.count >= 2 + extra + maskBytes else { return nil }
    let rest = bytes.dropFirst(2)
    var length = UInt64(short)
    if extra > 0 { length = rest.prefix(extra).reduce(0) { $0 << 8 | UInt64($1) } }
    guard length <= UInt64(lengthMax) else {
      throw Violation(code: 1009, reason: "the message is too long")
    }
    return Head(
      opcode: opcode, isFinal: isFinal, length: Int(length),
      mask: Array(rest.dropFirst(extra).prefix(maskBytes)), headBytes: 2 + extra + maskBytes)
  }

  /// Whether a client may name this code when it closes; RFC 6455, section 7.4.
  static func isCloseCode(_ code: UInt16) -> Bool {
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }
}
