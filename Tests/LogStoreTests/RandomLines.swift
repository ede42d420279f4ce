import TestSupport

@testable import LogStore

/// Lines of every kind that comes along, and of some that should not.
struct RandomLines {
  var numbers: RandomSource

  init(_ seed: UInt64) { numbers = RandomSource(seed: seed) }

  mutating func pick<Value>(_ values: [Value]) -> Value { numbers.pick(values) }

  mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &numbers) }

  mutating func digits(_ count: Int) -> String {
    (0..<count).map { _ in "\(below(10))" }.joined()
  }

  mutating func hex(_ count: Int) -> String {
    (0..<count).map { _ in String(below(16), radix: 16) }.joined()
  }

  mutating func number() -> String {
    pick([
      "\(below(100))", "-\(below(100))", "0", "-0", "\(below(1000)).\(digits(3))", "1e5", "1E-7",
      "0.\(below(10))", "\(below(9)).0", digits(19), "1.\(digits(12))", "\(below(5))5.50",
    ])
  }

  mutating func words() -> String {
    let all = ["lease", "renewed", "cache", "miss", "", "queue", "drained", "é", "日本", "a\tb"]
    return (0..<below(9)).map { _ in pick(all) }.joined(separator: " ")
  }

  mutating func string() -> String {
    pick([
      "info", "error", "agent-\(below(50))", hex(32), hex(16), words(), "10.0.\(below(256)).1",
      "\(hex(8))-\(hex(4))-\(hex(4))-\(hex(4))-\(hex(12))", "quo\\\"te", "back\\\\slash", "\\u00e9",
      "failed after \(below(900))ms", "", " ", "x=\(below(9))", "0\(digits(4))", "\u{fffd}",
      "null", "true", "\u{7f}",
    ])
  }

  mutating func value(_ depth: Int) -> String {
    switch below(12) {
    case 0...4: return "\"\(string())\""
    case 5...7: return number()
    case 8: return pick(["true", "false", "null"])
    case 9: return pick(["[]", "[1,2]", "[{\"a\":\"]\"}]", "[ \"x\" , 1 ]"])
    case 10 where depth < 3: return object(depth + 1)
    default: return pick(["{}", "tru", "nul", "01", "+1", ".5", "1.", "\"open"])
    }
  }

  mutating func object(_ depth: Int = 0) -> String {
    let keys = [
      "level", "msg", "a", "b", "a_b", "a.b", "", "é", "1x", "k k", "esc\\\"k", "trace_id",
    ]
    let blank = pick(["", "", "", " "])
    var fields: [String] = []
    for _ in 0..<below(5) {
      fields.append("\"\(pick(keys))\":\(blank)\(value(depth))")
    }
    return "{\(blank)" + fields.joined(separator: ",\(blank)") + "\(blank)}"
  }

  mutating func line() -> [UInt8] {
    var line: [UInt8]
    switch below(12) {
    case 0...2: line = Array(object().utf8)
    case 3, 4:
      let start = "{\"level\":\"\(pick(["info", "warn"]))\",\"trace_id\":\"\(hex(32))\","
      line = Array(
        "\(start)\"n\":\(below(900)).\(below(10)),\"msg\":\"\(string())\"}".utf8)
    case 5:
      let start = "10.1.\(below(256)).\(below(9)) - - [21/Nov/2026:12:00:0\(below(10)) +0000]"
      let end = "\(pick(["200", "500"])) \(below(60000)) \"-\" \"curl/8\""
      line = Array("\(start) \"GET /a?id=\(below(999)) HTTP/1.1\" \(end)".utf8)
    case 6, 7:
      let start = "level=\(pick(["info", "error"])) n=\(number()) msg=\"\(string())\" empty="
      let end = "\(pick(["a", "b", "c d"]))=\(pick(["1", "é", "\"\"", "x\"y"]))"
      line = Array("\(start) \(end)".utf8)
    case 8: line = Array("user \(words()) at 0x\(hex(8)), took \(number())s [\(below(99))]".utf8)
    case 9: line = (0..<below(40)).map { _ in UInt8(below(256)) }
    case 10: line = Array(words().utf8)
    default: line = []
    }
    // Sometimes a byte is changed, left out or added.
    if below(8) == 0, !line.isEmpty {
      let at = below(line.count)
      switch below(3) {
      case 0: line[at] = UInt8(below(256))
      case 1: line.remove(at: at)
      default: line.insert(pick([0x11, 0x12, 0x22, 0x7d, 0xff, 0x00]), at: at)
      }
    }
    return line
  }

  /// A text to look for: mostly part of one of the lines.
  mutating func needle(_ lines: [[UInt8]]) -> [UInt8] {
    let line = pick(lines)
    guard !line.isEmpty, below(6) > 0 else {
      return Array(pick(["", "zq", "error", "\":\"", "500", "-", "0", " "]).utf8)
    }
    let start = below(line.count)
    var needle = Array(line[start..<min(line.count, start + 1 + below(pick([3, 12, 60])))])
    if below(10) == 0 { needle[below(needle.count)] = UInt8(below(128)) }
    return needle
  }
}
