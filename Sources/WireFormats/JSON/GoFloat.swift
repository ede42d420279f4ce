/// Writes a `Double` as Go does: the fewest digits that read back as the same number.
package enum GoFloat {
  /// Which of Go's layouts the digits take.
  package enum Form: Sendable {
    /// `strconv.FormatFloat(x, 'f', -1, 64)`: never an exponent. Loki's sample values.
    case decimal
    /// `strconv.FormatFloat(x, 'g', -1, 64)` and `%v`: an exponent below 1e-4 and from 1e6 on.
    case general
    /// What encoding/json writes: an exponent below 1e-6 and from 1e21 on, without padding.
    case json
  }

  package static func append(_ value: Double, _ form: Form, to out: inout [UInt8]) {
    guard value.isFinite else {
      out.append(contentsOf: (value.isNaN ? "NaN" : value > 0 ? "+Inf" : "-Inf").utf8)
      return
    }
    let digits = ShortestDigits(value)
    if digits.isNegative { out.append(UInt8(ascii: "-")) }
    let exponent = digits.pointAt - 1
    let usesExponent =
      switch form {
      case .decimal: false
      case .general: exponent < -4 || exponent >= 6
      case .json: !digits.isZero && (exponent < -6 || exponent >= 21)
      }
    if usesExponent {
      digits.appendScientific(to: &out, padsExponent: form != .json)
    } else {
      digits.appendPlain(to: &out)
    }
  }
}

/// `value` as Go's `strconv.FormatFloat(value, 'f', -1, 64)`, or in another of its forms.
package func formatFloat(_ value: Double, _ form: GoFloat.Form = .decimal) -> String {
  var out: [UInt8] = []
  GoFloat.append(value, form, to: &out)
  return String(decoding: out, as: UTF8.self)
}

/// The significant digits of a finite number and where its decimal point is.
private struct ShortestDigits {
  var isNegative: Bool
  /// ASCII, without leading or trailing zeros; `0` alone for zero.
  var digits: [UInt8] = []
  /// How many digits stand before the point; may be negative or beyond the digits.
  var pointAt = 0

  var isZero: Bool { digits == [UInt8(ascii: "0")] }

  init(_ value: Double) {
    isNegative = value.sign == .minus
    var sawPoint = false
    var exponent = 0
    // Swift's description has the shortest digits too, in a layout of its own.
    let text = Array(value.magnitude.description.utf8)
    for (index, byte) in text.enumerated() {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        if !sawPoint { pointAt += 1 }
        digits.append(byte)
      case UInt8(ascii: "."): sawPoint = true
      default:
        exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
      }
      if byte == UInt8(ascii: "e") { break }
    }
    pointAt += exponent
    trim()
  }

  private mutating func trim() {
    let leading = digits.prefix { $0 == UInt8(ascii: "0") }.count
    digits.removeFirst(leading)
    pointAt -= leading
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    if digits.isEmpty {
      digits = [UInt8(ascii: "0")]
      pointAt = 1
    }
  }

  func appendPlain(to out: inout [UInt8]) {
    let zero = UInt8(ascii: "0")
    if pointAt <= 0 {
      out.append(contentsOf: "0.".utf8)
      out.append(contentsOf: repeatElement(zero, count: -pointAt))
      out.append(contentsOf: digits)
    } else if pointAt >= digits.count {
      out.append(contentsOf: digits)
      out.append(contentsOf: repeatElement(zero, count: pointAt - digits.count))
    } else {
      out.append(contentsOf: digits[..<pointAt])
      out.append(UInt8(ascii: "."))
      out.append(contentsOf: digits[pointAt...])
    }
  }

  func appendScientific(to out: inout [UInt8], padsExponent: Bool) {
    out.append(digits[0])
    if digits.count > 1 {
      out.append(UInt8(ascii: "."))
      out.append(contentsOf: digits[1...])
    }
    let exponent = pointAt - 1
    out.append(contentsOf: (exponent < 0 ? "e-" : "e+").utf8)
    // Go's encoding/json takes the padding zero away below 1e-6 only; above 1e21 there is none.
    if padsExponent, abs(exponent) < 10 { out.append(UInt8(ascii: "0")) }
    out.append(contentsOf: String(abs(exponent)).utf8)
  }
}
