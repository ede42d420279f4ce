import Configuration
import Regex

/// `luhn`: puts a text in place of numbers that pass the Luhn check, as those of cards do (Alloy's
/// `stage.luhn`).
///
/// As in Alloy the result becomes the line, even where it was made of an extracted value.
final class LuhnStage: Stage {
  private let source: Int?
  private let replacement: [UInt8]
  private let digitsMin: Int
  /// Characters that may stand between a number's digits.
  private let delimiters: Set<Unicode.Scalar>
  /// Numbers that lie within a match of it stay.
  private let skip: Regex?

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    source = try section.source().map { shared.slots.slot($0) }
    var replacement = ""
    var digits = 13
    var delimiters = ""
    try section.read("replacement", &replacement)
    try section.read("min_length", &digits)
    try section.read("delimiters", &delimiters)
    var skipText = ""
    try section.read("skip_regex", &skipText)
    skip = skipText.isEmpty ? nil : try section.regex("skip_regex")
    try section.finish()
    self.replacement = Array((replacement.isEmpty ? "**REDACTED**" : replacement).utf8)
    digitsMin = digits < 1 ? 13 : digits
    self.delimiters = Set(delimiters.unicodeScalars)
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    var input = entry.line
    if let source {
      guard case .text(let range) = entry[source] else { return .proceed }
      input = range
    }
    let made = entry.withText(input) { text in
      var scan = LuhnScan(stage: self, text: text)
      return scan.redacted()
    }
    if let made {
      entry.line = entry.append(made)
    } else {
      entry.line = input
    }
    return .proceed
  }

  /// One pass over a text.
  private struct LuhnScan {
    let stage: LuhnStage
    let text: UnsafeRawBufferPointer
    private var digits: [UInt8] = []
    /// Whether the number has digits other than 0 to 9.
    private var isForeign = false
    private var start = 0
    /// Behind the last digit.
    private var end = 0
    private var skipped: [Range<Int>]?

    init(stage: LuhnStage, text: UnsafeRawBufferPointer) {
      self.stage = stage
      self.text = text
    }

    /// The text with replacements; nil when nothing is replaced.
    mutating func redacted() -> [UInt8]? {
      var out: [UInt8] = []
      var copied = 0
      var at = 0
      while at < text.count {
        let (scalar, width) = next(at)
        if scalar.properties.generalCategory == .decimalNumber {
          if digits.isEmpty, !isForeign { start = at }
          if scalar.isASCII {
            digits.append(UInt8(truncatingIfNeeded: scalar.value) & 15)
          } else {
            isForeign = true
          }
          end = at + width
        } else if !stage.delimiters.contains(scalar) || digits.isEmpty {
          finish(&out, &copied)
        }
        at += width
      }
      finish(&out, &copied)
      guard copied > 0 else { return nil }
      out.append(contentsOf: text[copied...])
      return out
    }

    private func next(_ at: Int) -> (scalar: Unicode.Scalar, width: Int) {
      if text[at] < 0x80 { return (Unicode.Scalar(text[at]), 1) }
      var decoder = UTF8()
      var bytes = text[at...].makeIterator()
      guard case .scalarValue(let scalar) = decoder.decode(&bytes) else { return ("\u{fffd}", 1) }
      return (scalar, UTF8.width(scalar))
    }

    private mutating func finish(_ out: inout [UInt8], _ copied: inout Int) {
      defer {
        digits.removeAll(keepingCapacity: true)
        isForeign = false
      }
      guard !isForeign, digits.count >= stage.digitsMin, LuhnScan.passes(digits),
        !isSkipped(start..<end)
      else { return }
      out.append(contentsOf: text[copied..<start])
      out.append(contentsOf: stage.replacement)
      copied = end
    }

    private mutating func isSkipped(_ number: Range<Int>) -> Bool {
      guard let skip = stage.skip else { return false }
      if skipped == nil {
        var all: [Range<Int>] = []
        var from = 0
        while from <= text.count, let range = skip.firstMatch(text, from: from)?[0] {
          if !range.isEmpty { all.append(range) }
          from = range.isEmpty ? range.upperBound + 1 : range.upperBound
        }
        skipped = all
      }
      return skipped?.contains {
        $0.lowerBound <= number.lowerBound && number.upperBound <= $0.upperBound
      }
        ?? false
    }

    /// Whether the check digit is right; numbers above 63 bits are none.
    private static func passes(_ digits: [UInt8]) -> Bool {
      let significant = digits.drop { $0 == 0 }
      guard significant.count <= 19 else { return false }
      var value: Int64 = 0
      for digit in significant {
        let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, overflow2) = tens.addingReportingOverflow(Int64(digit))
        if overflow || overflow2 { return false }
        value = sum
      }
      var sum = 0
      for (place, digit) in digits.reversed().enumerated() {
        let doubled = place % 2 == 1 ? Int(digit) * 2 : Int(digit)
        sum += doubled > 9 ? doubled - 9 : doubled
      }
      return sum % 10 == 0
    }
  }
}
