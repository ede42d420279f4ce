import Bytes

/// Texts of other bytes that Unicode calls canonically equivalent, and `String` therefore equal.
package enum EquivalentTexts {
  /// The texts of a row are equivalent.
  package static let groups: [[String]] = [
    ["\u{e9}", "e\u{301}"], ["\u{212b}", "\u{c5}", "A\u{30a}"], ["K", "\u{212a}"],
    ["\u{ac00}", "\u{1100}\u{1161}"], ["a\u{323}\u{307}", "a\u{307}\u{323}"],
  ]

  /// Two such parts at most, so that texts meet equivalent ones often.
  package static func random(_ numbers: inout RandomSource) -> String {
    (0..<Int.random(in: 1...2, using: &numbers))
      .map { _ in numbers.pick(numbers.pick(Array(groups.prefix(3)))) }.joined()
  }

  package static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
}
