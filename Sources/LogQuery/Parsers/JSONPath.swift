/// `request.headers["x-req"][0]`: the expression of a field that `json` takes.
struct JSONPath: Hashable {
  /// A key, or the number of an array's item written as `[0]`: Loki does not tell a key of that
  /// text from it.
  struct Step: Hashable {
    let text: [UInt8]
    /// What the brackets hold; 0 when that is no number, nil where there are none.
    let index: Int?

    init(_ text: [UInt8]) {
      self.text = text
      let isIndex = text.count > 2 && text.first == UInt8(ascii: "[")
      index = isIndex ? Int(String(decoding: text[1..<(text.count - 1)], as: UTF8.self)) ?? 0 : nil
    }
  }

  let steps: [Step]

  /// Why an expression was refused, in the words of Loki's parser.
  struct Failure: Error {
    let message: String
  }

  init(_ text: String) throws(Failure) {
    var reader = Reader(text: Array(text.utf8))
    steps = try reader.steps()
  }

  private enum Token {
    case field([UInt8])
    case string([UInt8])
    case index([UInt8])
    case dot
    case open
    case close
    case end

    var name: String {
      switch self {
      case .field: "FIELD"
      case .string: "STRING"
      case .index: "INDEX"
      case .dot: "DOT"
      case .open: "LSB"
      case .close: "RSB"
      case .end: "$end"
      }
    }
  }

  private struct Reader {
    let text: [UInt8]
    var at = 0
    /// A character that no token begins with ends the text; it is told where the text may end.
    var fault: String?

    mutating func steps() throws(Failure) -> [Step] {
      var steps: [Step] = []
      switch next() {
      case .field(let name): steps.append(Step(name))
      case .open: steps.append(try bracket())
      case let other: throw unexpected(other, "LSB or FIELD")
      }
      while true {
        switch next() {
        case .open: steps.append(try bracket())
        case .dot:
          let token = next()
          guard case .field(let name) = token else { throw unexpected(token, "FIELD") }
          steps.append(Step(name))
        case .end:
          if let fault { throw Failure(message: fault) }
          return steps
        case let other: throw unexpected(other)
        }
      }
    }

    private func unexpected(_ token: Token, _ expected: String? = nil) -> Failure {
      let list = expected.map { ", expecting \($0)" } ?? ""
      return Failure(message: "syntax error: unexpected \(token.name)\(list)")
    }

    /// What stands behind `[`, and the `]`.
    private mutating func bracket() throws(Failure) -> Step {
      let step: Step
      switch next() {
      case .string(let key): step = Step(key)
      case .index(let digits):
        step = Step([UInt8(ascii: "[")] + digits + [UInt8(ascii: "]")])
      case let other: throw unexpected(other, "STRING or INDEX")
      }
      let close = next()
      guard case .close = close else { throw unexpected(close, "RSB") }
      return step
    }

    private mutating func taken(while isPart: (UInt8) -> Bool) -> [UInt8] {
      let part = text[at...].prefix(while: isPart)
      at += part.count
      return Array(part)
    }

    private mutating func next() -> Token {
      _ = taken { $0 == 0x20 || $0 == 0x09 || $0 == 0x0a }
      guard at < text.count, text[at] != 0 else { return .end }
      let byte = text[at]
      let lower = byte | 0x20
      if (lower >= 0x61 && lower <= 0x7a) || byte == UInt8(ascii: "_") {
        return .field(
          taken {
            ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39)
              || $0 == UInt8(ascii: "_")
          })
      }
      if byte >= 0x30, byte <= 0x39 {
        let digits = taken { $0 >= 0x30 && $0 <= 0x39 }
        guard at < text.count, text[at] == UInt8(ascii: ".") else { return .index(digits) }
        fault = "cannot use float as array index"
        return .end
      }
      at += 1
      switch byte {
      case UInt8(ascii: "["): return .open
      case UInt8(ascii: "]"): return .close
      case UInt8(ascii: "."): return .dot
      case UInt8(ascii: "\""):
        // A bracket ends a key too.
        let key = taken { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "]") }
        at = min(at + 1, text.count)
        return .string(key)
      default:
        let rest = String(decoding: text[(at - 1)...], as: UTF8.self)
        fault = "unexpected char \(rest.unicodeScalars.first.map(Character.init) ?? " ")"
        at = text.count
        return .end
      }
    }
  }
}
