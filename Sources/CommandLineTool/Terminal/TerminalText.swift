import Bytes

/// `text` with every character that a terminal would act on shown as an escape (`\x1b`), so that
/// nothing in a log line can move the cursor, change colours or type for the user.
///
/// C0 and C1 controls, DEL, and the Unicode direction and invisible formatting characters are
/// escaped; tabs stay.
func terminalSafe(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isHazard) else { return text }
  var out = ""
  for scalar in text.unicodeScalars {
    if !isHazard(scalar) {
      out.unicodeScalars.append(scalar)
    } else if scalar == "\n" {
      out += "\\n"
    } else if scalar == "\r" {
      out += "\\r"
    } else if scalar.value < 0x100 {
      out += "\\x" + Hex.encode([UInt8(scalar.value)])
    } else {
      out += "\\u{" + String(scalar.value, radix: 16) + "}"
    }
  }
  return out
}

/// The same for bytes as they came; bytes that are no UTF-8 become U+FFFD.
func terminalSafe(_ bytes: [UInt8]) -> String {
  terminalSafe(String(decoding: bytes, as: UTF8.self))
}

private func isHazard(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0x09: false
  case 0x00...0x1f, 0x7f...0x9f: true
  case 0x200b...0x200f, 0x202a...0x202e, 0x2060...0x2069, 0xfeff, 0x061c: true
  default: false
  }
}

/// The colours of the terminal output.
enum Colour: String {
  case red = "\u{1b}[31m"
  case green = "\u{1b}[32m"
  case yellow = "\u{1b}[33m"
  case blue = "\u{1b}[34m"
  case dim = "\u{1b}[2m"
  case bold = "\u{1b}[1m"
}

/// Puts colours around text when they are wanted: on a terminal, unless `NO_COLOR` is set, or
/// where the user asks for them.
struct Painter: Sendable {
  var isColoured: Bool

  init(_ output: any TextOutput, environment: [String: String], isForced: Bool = false) {
    isColoured =
      isForced
      || output.isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
        && environment["TERM"] != "dumb"
  }

  func paint(_ text: String, _ colour: Colour) -> String {
    isColoured ? colour.rawValue + text + "\u{1b}[0m" : text
  }

  /// The colour of a log level's name, as written by common loggers.
  static func colour(level: String) -> Colour? {
    switch level.lowercased() {
    case "error", "err", "fatal", "crit", "critical", "alert", "emerg", "panic": .red
    case "warn", "warning": .yellow
    case "debug", "trace": .dim
    default: nil
    }
  }
}
