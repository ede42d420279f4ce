import Bytes
import TelemetryModel

/// Go's `fmt.Sprintf` over template values.
struct GoFormat {
  private var out = ""
  private let arguments: [TemplateValue]
  private var next = 0
  private var reordered = false
  /// Go's own bound for widths and precisions.
  private static let numberMax = 1_000_000
  /// Widths above this are cut: a template must not fill the memory.
  static let widthMax = 65_536

  private init(_ arguments: [TemplateValue]) { self.arguments = arguments }

  static func format(_ format: String, _ arguments: [TemplateValue]) -> String {
    var formatter = GoFormat(arguments)
    formatter.run(Array(format.unicodeScalars))
    return formatter.out
  }

  /// What stands between `%` and the verb.
  struct Directive {
    var minus = false
    var plus = false
    var sharp = false
    var space = false
    var zero = false
    var width: Int?
    var precision: Int?
  }

  private mutating func run(_ text: [Unicode.Scalar]) {
    var at = 0
    while at < text.count {
      guard text[at] == "%" else {
        out.unicodeScalars.append(text[at])
        at += 1
        continue
      }
      at += 1
      var directive = Directive()
      flags: while at < text.count {
        switch text[at] {
        case "-": directive.minus = true
        case "+": directive.plus = true
        case "#": directive.sharp = true
        case " ": directive.space = true
        case "0": directive.zero = true
        default: break flags
        }
        at += 1
      }
      readIndex(text, &at)
      readWidth(text, &at, &directive)
      readPrecision(text, &at, &directive)
      readIndex(text, &at)
      guard at < text.count else {
        out += "%!(NOVERB)"
        break
      }
      let verb = text[at]
      at += 1
      write(verb, directive)
    }
    reportExtra()
  }

  private mutating func write(_ verb: Unicode.Scalar, _ directive: Directive) {
    if verb == "%" {
      out += "%"
    } else if next < 0 || (reordered && next >= arguments.count) {
      out += "%!\(verb)(BADINDEX)"
    } else if next >= arguments.count {
      out += "%!\(verb)(MISSING)"
    } else {
      out += GoVerb(verb: verb, directive: directive).write(arguments[next])
      next += 1
    }
  }

  private mutating func reportExtra() {
    guard !reordered, next < arguments.count, next >= 0 else { return }
    let rest = arguments[next...].map { value in
      if case .null = value { "<nil>" } else { "\(value.typeName)=\(value.text)" }
    }
    out += "%!(EXTRA " + rest.joined(separator: ", ") + ")"
  }

  /// `[n]`: the argument to take next, from 1.
  private mutating func readIndex(_ text: [Unicode.Scalar], _ at: inout Int) {
    guard at < text.count, text[at] == "[" else { return }
    reordered = true
    guard let end = text[at...].firstIndex(of: "]") else {
      next = -1
      at += 1
      return
    }
    let digits = String(String.UnicodeScalarView(text[(at + 1)..<end]))
    let index = Int(digits) ?? 0
    next = index >= 1 && index <= arguments.count ? index - 1 : -1
    at = end + 1
  }

  private mutating func readWidth(
    _ text: [Unicode.Scalar], _ at: inout Int, _ directive: inout Directive
  ) {
    guard at < text.count, text[at] == "*" else {
      directive.width = number(text, &at)
      return
    }
    at += 1
    guard let width = star() else {
      out += "%!(BADWIDTH)"
      return
    }
    directive.minus = directive.minus || width < 0
    directive.width = abs(width)
  }

  private mutating func readPrecision(
    _ text: [Unicode.Scalar], _ at: inout Int, _ directive: inout Directive
  ) {
    guard at < text.count, text[at] == "." else { return }
    at += 1
    readIndex(text, &at)
    guard at < text.count, text[at] == "*" else {
      directive.precision = number(text, &at) ?? 0
      return
    }
    at += 1
    guard let precision = star(), precision >= 0 else {
      out += "%!(BADPREC)"
      return
    }
    directive.precision = precision
  }

  /// The number that `*` takes from the arguments.
  private mutating func star() -> Int? {
    guard arguments.indices.contains(next) else { return nil }
    defer { next += 1 }
    switch arguments[next] {
    case .int(let value), .int64(let value):
      return abs(value) <= GoFormat.numberMax
        ? max(-GoFormat.widthMax, min(GoFormat.widthMax, value)) : nil
    default: return nil
    }
  }

  private func number(_ text: [Unicode.Scalar], _ at: inout Int) -> Int? {
    let start = at
    var value = 0
    while at < text.count, ("0"..."9").contains(text[at]) {
      value = min(GoFormat.widthMax, value * 10 + Int(text[at].value - 0x30))
      at += 1
    }
    return at > start ? value : nil
  }
}
