import TelemetryModel
import Testing

@testable import Pipeline

@Suite struct RFC3339TimeTests {
  /// Whatever the quick reader takes, Go's layout reads to the same moment.
  @Test func agreesWithTheLayout() {
    func two(_ range: ClosedRange<Int>) -> String {
      let number = Int.random(in: range)
      return (number < 10 ? "0" : "") + String(number)
    }
    var read = 0
    for _ in 0..<5_000 {
      var text =
        "\(two(16...23))\(two(0...99))-\(two(0...13))-\(two(0...32))T\(two(0...24)):\(two(0...60))"
        + ":\(two(0...60))"
      if Bool.random() {
        text +=
          "." + (0..<Int.random(in: 0...11)).map { _ in String(Int.random(in: 0...9)) }.joined()
      }
      text += ["Z", "+01:00", "-09:30", "+24:00", "", "z", "+0100"].randomElement() ?? ""
      if Int.random(in: 0..<20) == 0 { text = String(text.dropLast()) }
      guard let quick = Array(text.utf8).withUnsafeBytes({ RFC3339Time.read($0) }) else {
        continue
      }
      read += 1
      #expect((try? GoTimeLayout.rfc3339Nano.parse(text))?.timestamp == quick, "\(text)")
    }
    #expect(read > 500)
  }
}
