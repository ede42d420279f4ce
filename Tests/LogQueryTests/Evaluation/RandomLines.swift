import TelemetryModel
import TestSupport

/// Streams of lines of many forms: JSON, good and bad, logfmt, text.
struct RandomLines {
  private(set) var streams: [(labels: Labels, entries: [LogEntry])] = [
    (["app": "a", "host": "x"], []), (["app": "b"], []), (["app": "c", "level": "stream"], []),
  ]

  /// `isWellFormed`: nothing broken, and no words in quotes.
  init(_ random: inout RandomSource, isWellFormed: Bool = false) {
    for number in 0..<Int.random(in: 0...160, using: &random) {
      var line = Self.line(&random)
      while isWellFormed, !Self.isWellFormed(line) { line = Self.line(&random) }
      // Apart in time, so that no order among rows of one moment matters.
      let time = Timestamp(nanoseconds: Int64(number) * 7_000_000_000 + 1)
      var entry = LogEntry(timestamp: time, line: line)
      if random.oneIn(3) {
        entry.structuredMetadata = [Label("tag", random.pick(["m", "n"]))]
      }
      let stream = Int.random(in: streams.indices, using: &random)
      streams[stream].entries.append(entry)
    }
  }

  private static func isWellFormed(_ line: [UInt8]) -> Bool {
    let text = String(decoding: line, as: UTF8.self)
    if text.contains("\u{fffd}") || text.contains("msg=") || text.contains("\"=") { return false }
    guard text.hasPrefix("{") || text.contains("\":") else {
      return text.firstMatch(of: #/="[^"]*("[^ ]|\s)/#) == nil
    }
    return NaiveJSON(text) != nil
  }

  private static func line(_ random: inout RandomSource) -> [UInt8] {
    switch Int.random(in: 0..<13, using: &random) {
    case 0..<5: return Array("{\(members(&random))}".utf8)
    case 5: return broken(Array("{\(members(&random))}".utf8), &random)
    case 6, 7: return Array(pairs(&random).utf8)
    case 8: return broken(Array(pairs(&random).utf8), &random)
    case 9: return packed(&random)
    case 10:
      let status = random.pick(["200", "404", "500"])
      let address = random.pick(["10.0.0.1", "10.2.3.4", "192.168.1.7", "::1", "2001:db8::5"])
      return Array("\(address) - - [now] \"GET /a/\(status) HTTP/1.1\" \(status) 12".utf8)
    case 11:
      let number = Int.random(in: 0...50, using: &random)
      return Array("\u{1b}[31minfo\u{1b}[0m job \(number) code=\(number)".utf8)
    default:
      let number = Int.random(in: 0...50, using: &random)
      return Array(
        "info job \(number) took \(random.pick(["10ms", "2s"])) on h\(number % 3)".utf8)
    }
  }

  private static func members(_ random: inout RandomSource) -> String {
    var members = [
      "\"level\":" + random.pick(["\"info\"", "\"error\"", "\"debug\"", "\"\"", "null", "3"]),
      "\"code\":" + random.pick(["1", "2", "3", "40", "40", "-0", "1e1", "\"x\""]),
      "\"latency\":" + random.pick(["1.25", "0.50", "20.00", "3.75", "3.7", "\"slow\""]),
      "\"took\":" + random.pick(["\"10ms\"", "\"2s\"", "\"1m\""]),
    ]
    if random.oneIn(4) { members.append("\"host\":\"inside\"") }
    if random.oneIn(4) { members.append("\"tag\":\"line\"") }
    if random.oneIn(4) { members.append("\"a\":{\"b\":\(random.pick(["1", "\"y\"", "[1]"]))}") }
    if random.oneIn(8) { members.append("\"a_b\":\"flat\"") }
    if random.oneIn(6) { members.append("\"list\":[\"p\",2]") }
    if random.oneIn(8) { members.append("\"level\":\"again\"") }
    if random.oneIn(8) { members.append("\"m\\u0065ssage\":\"tab\\there \\\"q\\\" \\u00e9\"") }
    if random.oneIn(10) { members.append("\"a b-c\":true") }
    if random.oneIn(3) { members.removeAll { _ in random.oneIn(3) } }
    if random.oneIn(3) { members.shuffle(using: &random) }
    return members.joined(separator: random.oneIn(8) ? " , " : ",")
  }

  /// A line as the agent's `pack` stage makes it, with and without the line itself.
  private static func packed(_ random: inout RandomSource) -> [UInt8] {
    var members: [String] = []
    if !random.oneIn(4) {
      members.append("\"_entry\":" + random.pick(["\"level=info code=3\"", "\"plain\"", "7"]))
    }
    if random.oneIn(2) { members.append("\"level\":\"\(random.pick(["info", "error"]))\"") }
    if random.oneIn(2) { members.append("\"app\":\"packed\"") }
    if random.oneIn(3) { members.append("\"9x\":\"nine\",\"code\":3") }
    return Array("{\(members.joined(separator: ","))}".utf8)
  }

  private static func pairs(_ random: inout RandomSource) -> String {
    var pairs = [
      "level=" + random.pick(["info", "error", "\"debug\"", ""]),
      "code=" + random.pick(["1", "2", "40", "x"]),
      "latency=" + random.pick(["1.25", "0.50", "20.00"]),
      "took=" + random.pick(["10ms", "2s"]),
    ]
    if random.oneIn(4) { pairs.append("host=inside") }
    if random.oneIn(5) { pairs.append("msg=\"two words \\\"q\\\"\"") }
    if random.oneIn(6) { pairs.append("flag") }
    if random.oneIn(8) { pairs.append("level=again") }
    if random.oneIn(3) { pairs.removeAll { _ in random.oneIn(3) } }
    return pairs.joined(separator: random.oneIn(8) ? "  " : " ")
  }

  /// With a byte changed, taken out or the end cut off.
  private static func broken(_ line: [UInt8], _ random: inout RandomSource) -> [UInt8] {
    var line = line
    guard !line.isEmpty else { return line }
    let at = Int.random(in: line.indices, using: &random)
    switch Int.random(in: 0..<3, using: &random) {
    case 0: line[at] = [0xff, 0x22, 0x3d, 0x7b, 0x20][Int.random(in: 0..<5, using: &random)]
    case 1: line.remove(at: at)
    default: line.removeSubrange(at...)
    }
    return line
  }
}
