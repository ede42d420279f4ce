import TestSupport
import Testing

/// The `json` stage reads the usual form of an object on a way of its own: what it finds is what
/// it finds of any other.
@Suite struct JSONStageTests {
  /// Pieces that JSON texts are made of, well formed or not.
  private static let values = [
    "1", "-0", "0.5", "-12.25", "01", "1.", "1e3", "-", "true", "false", "null", "tru", "nulll",
    "\"\"", "\"a\"", "\"with a longer text, of two words and more\"", "\"grün\"", "\"q\\\"q\"",
    "\"\\u00e9\"", "\"tab\tin\"", "\"broken", "\"\u{1}\"", "[1]", "{\"a\":2}", "[", "", "\"{}\"",
    "12345678901234567890", "\"1234567\"", "\"12345678\"", "\"123456789\"", "\"1234567\\n\"",
  ]
  private static let names = ["a", "b", "level", "le", "levels", "x y", "", "ü", "a\\u0062"]
  private static let spaces = ["", "", "", " ", "\t", "\n", "  "]

  private func text(_ random: inout RandomSource) -> String {
    func pick(_ all: [String]) -> String { all[Int(random.next() % UInt64(all.count))] }
    var members: [String] = []
    for _ in 0..<(random.next() % 6) {
      // Most members are good ones.
      let value = random.next() % 3 == 0 ? pick(Self.values) : "\"v\(random.next() % 100)\""
      members.append(
        pick(Self.spaces) + "\"\(pick(Self.names))\"" + pick(Self.spaces) + ":"
          + pick(Self.spaces) + value + pick(Self.spaces))
    }
    var text = pick(Self.spaces) + "{" + members.joined(separator: ",") + "}" + pick(Self.spaces)
    if random.next() % 20 == 0 { text += pick([",", "x", "}", "{}"]) }
    if random.next() % 20 == 0 { text = String(text.dropLast(Int(random.next() % 8))) }
    return text
  }

  @Test func bothWaysFindTheSame() throws {
    let names = "a: , b: , level: , le: , u: \"\\\"ü\\\"\""
    func rig(_ more: String) throws -> PipelineRig {
      try PipelineRig(
        """
        - json: {drop_malformed: true, expressions: {\(names)\(more)}}
        - template: {source: all, template: '{{.a}}|{{.b}}|{{.level}}|{{.le}}|{{.u}}'}
        - output: {source: all}
        """)
    }
    let quick = try rig("")
    // A path of two steps is for the other way.
    let slow = try rig(", deep: nowhere.at_all")
    var random = RandomSource(seed: 7)
    var (kept, dropped) = (0, 0)
    for _ in 0..<20_000 {
      let line = text(&random)
      let expected = slow.run(line)
      #expect(quick.run(line) == expected, "\(line)")
      if expected.isEmpty { dropped += 1 } else { kept += 1 }
    }
    #expect(kept > 5000 && dropped > 2000)
  }
}
