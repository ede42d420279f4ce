/// The decimal digits of a finite number, exactly or as few as tell it apart from its neighbours.
struct DecimalDigits {
  /// 0...9 each, the first one not 0; empty for zero.
  private(set) var digits: [UInt8]
  /// The number is 0.d₁d₂d₃… times ten to this power.
  private(set) var point: Int

  /// The fewest digits that read back as the same number.
  init(shortest value: Double) {
    digits = []
    point = 0
    var sawPoint = false
    var exponent = 0
    let text = Array(value.magnitude.description.utf8)
    for (index, byte) in text.enumerated() {
      if byte == UInt8(ascii: "e") {
        exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
        break
      }
      if byte == UInt8(ascii: ".") {
        sawPoint = true
      } else {
        digits.append(byte - 0x30)
        if !sawPoint { point += 1 }
      }
    }
    point += exponent
    trim()
  }

  /// Every digit: 767 significant ones at most.
  init(exact value: Double) {
    digits = []
    point = 0
    guard value != 0 else { return }
    // mantissa · 2^exponent, and 2^-n is 5^n / 10^n.
    let bits = value.magnitude.bitPattern
    let fraction = bits & 0xf_ffff_ffff_ffff
    let biased = Int(bits >> 52)
    let mantissa = biased == 0 ? fraction : fraction | 1 << 52
    let exponent = (biased == 0 ? 1 : biased) - 1075
    var limbs: [UInt32] = [
      UInt32(mantissa % 1_000_000_000), UInt32(mantissa / 1_000_000_000 % 1_000_000_000),
    ]
    for _ in 0..<abs(exponent) {
      DecimalDigits.multiply(&limbs, by: exponent < 0 ? 5 : 2)
    }
    for limb in limbs.reversed() {
      var scale: UInt32 = 100_000_000
      for _ in 0..<9 {
        digits.append(UInt8(limb / scale % 10))
        scale /= 10
      }
    }
    point = digits.count + min(0, exponent)
    trim()
  }

  /// `limbs` holds nine digits each, the lowest first.
  private static func multiply(_ limbs: inout [UInt32], by factor: UInt64) {
    var carry: UInt64 = 0
    for index in limbs.indices {
      let product = UInt64(limbs[index]) * factor + carry
      limbs[index] = UInt32(product % 1_000_000_000)
      carry = product / 1_000_000_000
    }
    if carry > 0 { limbs.append(UInt32(carry)) }
  }

  private mutating func trim() {
    let zeros = digits.prefix { $0 == 0 }.count
    digits.removeFirst(zeros)
    point -= zeros
    while digits.last == 0 { digits.removeLast() }
    if digits.isEmpty { point = 0 }
  }

  /// Keeps `count` digits, rounding half to even; a negative count leaves none.
  mutating func round(to count: Int) {
    guard count < digits.count else { return }
    guard count >= 0 else {
      digits = []
      point = 0
      return
    }
    let isTie = digits[count] == 5 && count + 1 == digits.count
    let isOdd = count > 0 && digits[count - 1] % 2 == 1
    let goesUp = isTie ? isOdd : digits[count] >= 5
    digits.removeSubrange(count...)
    guard goesUp else {
      trim()
      return
    }
    var at = count - 1
    while at >= 0, digits[at] == 9 {
      digits.removeLast()
      at -= 1
    }
    if at >= 0 {
      digits[at] += 1
    } else {
      digits = [1]
      point += 1
    }
  }

  /// As Go's `'f'`: `places` digits behind the point, nil for as many as there are.
  func plain(places: Int?) -> String {
    var digits = self
    if let places { digits.round(to: digits.point + places) }
    let count = places ?? max(0, digits.digits.count - digits.point)
    var text = ""
    if digits.point <= 0 { text = "0" }
    for index in 0..<max(0, digits.point) { text.append(digits.digit(index)) }
    guard count > 0 else { return text }
    text.append(".")
    for index in digits.point..<(digits.point + count) { text.append(digits.digit(index)) }
    return text
  }

  /// As Go's `'e'`: one digit before the point.
  func scientific(places: Int?, exponentMark: Character = "e") -> String {
    var digits = self
    if let places { digits.round(to: places + 1) }
    let count = places ?? max(0, digits.digits.count - 1)
    var text = String(digits.digit(0))
    if count > 0 {
      text.append(".")
      for index in 1...count { text.append(digits.digit(index)) }
    }
    let exponent = digits.digits.isEmpty ? 0 : digits.point - 1
    text.append(exponentMark)
    text.append(exponent < 0 ? "-" : "+")
    if abs(exponent) < 10 { text.append("0") }
    return text + String(abs(exponent))
  }

  /// As Go's `'g'` with `precision` significant digits, nil for as many as there are.
  func general(precision: Int?, exponentMark: Character = "e") -> String {
    var digits = self
    var limit = 6
    if let precision {
      let wanted = max(1, precision)
      digits.round(to: wanted)
      limit = wanted
      if limit > digits.digits.count, digits.digits.count >= digits.point {
        limit = digits.digits.count
      }
    }
    let exponent = digits.digits.isEmpty ? 0 : digits.point - 1
    if exponent < -4 || exponent >= limit {
      return digits.scientific(places: nil, exponentMark: exponentMark)
    }
    return digits.plain(places: nil)
  }

  private func digit(_ index: Int) -> Character {
    let value = digits.indices.contains(index) ? digits[index] : 0
    return Character(Unicode.Scalar(0x30 + value))
  }
}
