/// Go's string literals.
extension Lexer {
  mutating func rawString() throws(LogQLError) -> Token {
    cursor.advance()
    let start = cursor.index
    cursor.skip { $0 != "`" }
    var result = token(.string)
    result.bytes = Array(cursor.text(since: start).utf8)
    guard cursor.advance() != nil else { throw error("literal not terminated") }
    return result
  }

  mutating func string() throws(LogQLError) -> Token {
    cursor.advance()
    var result = token(.string)
    while true {
      guard let scalar = cursor.advance(), scalar != "\n" else {
        throw error("literal not terminated")
      }
      switch scalar {
      case "\"": return result
      case "\\": try escape(into: &result.bytes)
      default: result.bytes.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
      }
    }
  }

  /// Single quotes are Go's characters, which LogQL has no use for.
  mutating func charLiteralError() throws(LogQLError) -> LogQLError {
    cursor.advance()
    while true {
      guard let scalar = cursor.advance(), scalar != "\n" else {
        return error("literal not terminated")
      }
      if scalar == "'" { break }
      if scalar == "\\" {
        var ignored: [UInt8] = []
        try escape(into: &ignored)
      }
    }
    return error("invalid char literal")
  }

  private mutating func escape(into bytes: inout [UInt8]) throws(LogQLError) {
    guard let scalar = cursor.advance() else { throw error("literal not terminated") }
    switch scalar {
    case "a": bytes.append(7)
    case "b": bytes.append(8)
    case "f": bytes.append(12)
    case "n": bytes.append(10)
    case "r": bytes.append(13)
    case "t": bytes.append(9)
    case "v": bytes.append(11)
    case "\\": bytes.append(UInt8(ascii: "\\"))
    case "\"": bytes.append(UInt8(ascii: "\""))
    case "0"..."7": try octal(first: scalar, into: &bytes)
    case "x": bytes.append(UInt8(truncatingIfNeeded: try hex(digits: 2)))
    case "u": try appendScalar(hex(digits: 4), to: &bytes)
    case "U": try appendScalar(hex(digits: 8), to: &bytes)
    default: throw error("invalid char escape")
    }
  }

  private mutating func octal(first: Unicode.Scalar, into bytes: inout [UInt8])
    throws(LogQLError)
  {
    var value = first.value - 0x30
    for _ in 0..<2 {
      guard let digit = cursor.next, ("0"..."7").contains(digit) else {
        throw error("invalid char escape")
      }
      cursor.advance()
      value = value * 8 + digit.value - 0x30
    }
    guard value < 256 else { throw error("invalid syntax") }
    bytes.append(UInt8(value))
  }

  private mutating func hex(digits: Int) throws(LogQLError) -> UInt32 {
    var value: UInt64 = 0
    for _ in 0..<digits {
      guard let digit = cursor.next, digit.isHexDigit,
        let number = UInt64(String(digit), radix: 16)
      else { throw error("invalid char escape") }
      cursor.advance()
      value = value << 4 | number
    }
    return UInt32(truncatingIfNeeded: value)
  }

  private func appendScalar(_ value: UInt32, to bytes: inout [UInt8]) throws(LogQLError) {
    guard let scalar = Unicode.Scalar(value), let encoded = UTF8.encode(scalar) else {
      throw error("invalid syntax")
    }
    bytes.append(contentsOf: encoded)
  }
}
