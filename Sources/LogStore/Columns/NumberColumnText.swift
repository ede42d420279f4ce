/// Decimal numbers whose text can be made again from the number: how digits are written is the
/// same for all values of a column.
struct NumberStyle: Hashable, Sendable {
  enum Form: UInt8, Sendable {
    /// Always `scale` digits behind the point, no point for 0.
    case fixed = 0
    /// At most `scale` digits behind the point, at least one, no zero behind the first.
    case shortest = 1
    /// The same, and no point where nothing is behind it.
    case shortestWhole = 2
    /// Whole numbers of `width` digits, with zeros before.
    case padded = 3
  }

  var form: Form
  var scale: Int
  /// Of padded numbers.
  var width: Int

  static let scaleMax = 9
  /// Above this a Double would not be exact.
  static let mantissaMax: Int64 = 1 << 53

  static let powers: [Int64] = [
    1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
  ]

  /// Appends the text of a number.
  func append(_ mantissa: Int64, to out: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 48) { buffer in
      var at = 48
      var rest = mantissa.magnitude
      var digits = 0
      var scale = scale
      if form == .shortest || form == .shortestWhole {
        let least = form == .shortest ? 1 : 0
        while scale > least, rest % 10 == 0 {
          rest /= 10
          scale -= 1
        }
      }
      let least = form == .padded ? width : scale + 1
      repeat {
        if digits == scale, scale > 0 {
          at -= 1
          buffer[at] = UInt8(ascii: ".")
        }
        at -= 1
        buffer[at] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
        digits += 1
      } while rest > 0 || digits < least
      if mantissa < 0 {
        at -= 1
        buffer[at] = UInt8(ascii: "-")
      }
      out.append(contentsOf: buffer[at..<48])
    }
  }
}

/// Reads a column of numbers and finds the style that all of them have.
struct NumberColumnReader {
  private(set) var mantissas: [Int64] = []
  private var scales: [UInt8] = []
  private var scaleMax = 0
  private var scaleMin = NumberStyle.scaleMax
  private var hasLeadingZero = false
  private var hasTrailingZero = false
  private var hasSign = false
  private var widthMin = Int.max
  private var widthMax = 0

  /// Takes the next text; false when it is no number that can be kept.
  mutating func add(_ text: UnsafeRawBufferPointer) -> Bool {
    guard !text.isEmpty, text.count <= 18 else { return false }
    var at = 0
    var isNegative = false
    if text[0] == UInt8(ascii: "-") {
      isNegative = true
      hasSign = true
      at = 1
    }
    let first = at
    var mantissa: Int64 = 0
    while at < text.count, text[at] &- 0x30 <= 9 {
      mantissa = mantissa &* 10 &+ Int64(text[at] &- 0x30)
      at += 1
    }
    let whole = at - first
    guard whole > 0 else { return false }
    if whole > 1, text[first] == UInt8(ascii: "0") { hasLeadingZero = true }
    var scale = 0
    if at < text.count {
      guard text[at] == UInt8(ascii: "."), at + 1 < text.count else { return false }
      at += 1
      while at < text.count, text[at] &- 0x30 <= 9 {
        mantissa = mantissa &* 10 &+ Int64(text[at] &- 0x30)
        at += 1
        scale += 1
      }
      guard at == text.count, scale <= NumberStyle.scaleMax else { return false }
      if scale > 1, text[at - 1] == UInt8(ascii: "0") { hasTrailingZero = true }
    }
    // "-0" and "-0.0" are not told from 0.
    guard !isNegative || mantissa != 0 else { return false }
    guard mantissa <= NumberStyle.mantissaMax else { return false }
    scaleMax = max(scaleMax, scale)
    scaleMin = min(scaleMin, scale)
    widthMin = min(widthMin, text.count)
    widthMax = max(widthMax, text.count)
    mantissas.append(isNegative ? -mantissa : mantissa)
    scales.append(UInt8(scale))
    return true
  }

  /// The style of all texts, mantissas brought to its scale; nil when there is none.
  mutating func finish() -> NumberStyle? {
    if hasLeadingZero {
      guard scaleMax == 0, !hasSign, widthMin == widthMax else { return nil }
      return NumberStyle(form: .padded, scale: 0, width: widthMax)
    }
    if scaleMin == scaleMax { return NumberStyle(form: .fixed, scale: scaleMax, width: 0) }
    guard !hasTrailingZero else { return nil }
    for index in mantissas.indices {
      let factor = NumberStyle.powers[scaleMax - Int(scales[index])]
      let (scaled, overflow) = mantissas[index].multipliedReportingOverflow(by: factor)
      guard !overflow, scaled.magnitude <= UInt64(NumberStyle.mantissaMax) else { return nil }
      // "3.0" beside "3" would come back as one of them.
      if scaleMin == 0, scales[index] > 0, mantissas[index] % 10 == 0 { return nil }
      mantissas[index] = scaled
    }
    return NumberStyle(form: scaleMin == 0 ? .shortestWhole : .shortest, scale: scaleMax, width: 0)
  }
}
