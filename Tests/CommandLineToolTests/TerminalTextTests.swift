import TelemetryModel
import Testing

@testable import CommandLineTool

@Suite struct TerminalTextTests {
  @Test func nothingThatATerminalActsOnStays() {
    #expect(terminalSafe("\u{1b}]0;title\u{7}a\tb") == "\\x1b]0;title\\x07a\tb")
    #expect(terminalSafe("a\r\nb\u{9b}31m") == "a\\r\\nb\\x9b31m")
    #expect(terminalSafe("ab\u{202e}c") == "ab\\u{202e}c")
    #expect(terminalSafe("grüße 東京") == "grüße 東京")
    for value in UInt32(0)..<0x3000 {
      guard let scalar = Unicode.Scalar(value), value != 9 else { continue }
      let shown = terminalSafe(String(Character(scalar)))
      let isControl = scalar.properties.generalCategory == .control
      #expect(!isControl || shown.allSatisfy { $0 >= " " && $0 < "\u{7f}" }, "\(value)")
    }
  }

  @Test func bytesThatAreNoTextAreReplaced() {
    #expect(terminalSafe([0xff, 0x41, 0x1b]) == "\u{fffd}A\\x1b")
  }

  @Test(
    arguments: [
      ("90s", 90), ("1h30m", 5400), ("7d", 604_800), ("1w", 604_800), ("1.5m", 90), ("2m30s", 150),
    ] as [(String, Int64)])
  func durations(_ text: String, _ seconds: Int64) throws {
    #expect(try parseTimeSpan(text) == .seconds(seconds))
  }

  @Test(arguments: ["", "5", "h", "5 m", "-1h", "1x", "1e9s", "999999y"])
  func noDurations(_ text: String) {
    #expect(throws: UsageError.self) { try parseTimeSpan(text) }
  }

  @Test func durationsForPeople() {
    #expect(shortTimeSpan(TimeSpan(nanoseconds: 850)) == "850ns")
    #expect(shortTimeSpan(TimeSpan(nanoseconds: 1_250_000)) == "1.25ms")
    #expect(shortTimeSpan(.seconds(3)) == "3s")
    #expect(shortTimeSpan(.seconds(125)) == "2m5s")
    #expect(shortTimeSpan(.hours(26)) == "26h0m")
  }

  @Test func coloursOnATerminalOnly() {
    let pipe = Painter(Recorded(isTerminal: false), environment: [:])
    let screen = Painter(Recorded(isTerminal: true), environment: [:])
    let plain = Painter(Recorded(isTerminal: true), environment: ["NO_COLOR": "1"])
    #expect(pipe.paint("a", .red) == "a")
    #expect(screen.paint("a", .red) == "\u{1b}[31ma\u{1b}[0m")
    #expect(plain.paint("a", .red) == "a")
  }
}
