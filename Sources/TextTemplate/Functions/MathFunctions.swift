import Bytes

/// sprig's functions for numbers.
enum MathFunctions {
  private static func fold(
    _ body: @escaping @Sendable (Int, Int) throws(TemplateCallError) -> Int
  ) -> TemplateFunction {
    TemplateFunction(.any, .any, variadic: true) { (arguments) throws(TemplateCallError) in
      var value = Conversions.integer(arguments[0])
      for next in arguments.dropFirst() { value = try body(value, Conversions.integer(next)) }
      return .int64(value)
    }
  }

  private static func two(
    _ body: @escaping @Sendable (Int, Int) throws(TemplateCallError) -> Int
  ) -> TemplateFunction {
    TemplateFunction(.any, .any) { (arguments) throws(TemplateCallError) in
      .int64(try body(Conversions.integer(arguments[0]), Conversions.integer(arguments[1])))
    }
  }

  private static func foldFloat(
    _ body: @escaping @Sendable (Double, Double) throws(TemplateCallError) -> Double
  ) -> TemplateFunction {
    TemplateFunction(.any, .any, variadic: true) { (arguments) throws(TemplateCallError) in
      var value = Conversions.float(arguments[0])
      for next in arguments.dropFirst() { value = try body(value, Conversions.float(next)) }
      return .float(value)
    }
  }

  private static func decimal(_ operation: Decimal.Operation) -> TemplateFunction {
    TemplateFunction(.any, .any, variadic: true) { (arguments) throws(TemplateCallError) in
      .float(
        try Decimal.fold(
          Conversions.float(arguments[0]), arguments.dropFirst().map(Conversions.float),
          operation))
    }
  }

  private static let divisionByZero = TemplateCallError("runtime error: integer divide by zero")

  static var table: TemplateFunctions {
    var table = TemplateFunctions()
    table["int"] = TemplateFunction(.any) { (arguments) in
      .int(Conversions.integer(arguments[0]))
    }
    table["int64"] = TemplateFunction(.any) { (arguments) in
      .int64(Conversions.integer(arguments[0]))
    }
    table["float64"] = TemplateFunction(.any) { (arguments) in
      .float(Conversions.float(arguments[0]))
    }
    table["add"] = TemplateFunction(.any, variadic: true) { (arguments) in
      .int64(arguments.reduce(0) { $0 &+ Conversions.integer($1) })
    }
    table["add1"] = TemplateFunction(.any) { (arguments) in
      .int64(Conversions.integer(arguments[0]) &+ 1)
    }
    table["sub"] = two { $0 &- $1 }
    table["mul"] = fold { $0 &* $1 }
    table["div"] = two { (a, b) throws(TemplateCallError) in
      guard b != 0 else { throw divisionByZero }
      return b == -1 ? 0 &- a : a / b
    }
    table["mod"] = two { (a, b) throws(TemplateCallError) in
      guard b != 0 else { throw divisionByZero }
      return b == -1 ? 0 : a % b
    }
    table["max"] = fold { max($0, $1) }
    table["biggest"] = fold { max($0, $1) }
    table["min"] = fold { min($0, $1) }
    table["maxf"] = foldFloat { $0.isNaN || $1.isNaN ? .nan : max($0, $1) }
    table["minf"] = foldFloat { $0.isNaN || $1.isNaN ? .nan : min($0, $1) }
    table["addf"] = TemplateFunction(.any, variadic: true) {
      (arguments) throws(TemplateCallError) in
      .float(try Decimal.fold(0, arguments.map(Conversions.float), .add))
    }
    table["subf"] = decimal(.subtract)
    table["mulf"] = decimal(.multiply)
    table["divf"] = decimal(.divide)
    table["floor"] = TemplateFunction(.any) { (arguments) in
      .float(Conversions.float(arguments[0]).rounded(.down))
    }
    table["ceil"] = TemplateFunction(.any) { (arguments) in
      .float(Conversions.float(arguments[0]).rounded(.up))
    }
    table["round"] = TemplateFunction(.any, .int, .float, variadic: true) { (arguments) in
      let half = arguments.count > 2 ? Conversions.float(arguments[2]) : 0.5
      let places = Conversions.integer(arguments[1])
      return .float(rounded(Conversions.float(arguments[0]), places, half))
    }
    return table
  }

  /// sprig's rounding: up when the fraction of the scaled number reaches `half`.
  private static func rounded(_ value: Double, _ places: Int, _ half: Double) -> Double {
    let scale = realPower(10, Double(places))
    let digit = scale * value
    let fraction = digit - digit.rounded(.towardZero)
    return (fraction >= half ? digit.rounded(.up) : digit.rounded(.down)) / scale
  }
}

/// Decimal arithmetic on the digits that floats are written with, so that `0.1 + 0.2` is `0.3`.
///
/// Up to 38 digits; numbers that need more are reckoned in binary.
struct Decimal {
  enum Operation { case add, subtract, multiply, divide }

  private var digits: Int128
  /// The number is `digits` times ten to this power.
  private var exponent: Int

  private init(digits: Int128, exponent: Int) {
    self.digits = digits
    self.exponent = exponent
  }

  private init(_ value: Double) {
    let shortest = DecimalDigits(shortest: value)
    digits = shortest.digits.reduce(0) { $0 * 10 + Int128($1) }
    exponent = shortest.point - shortest.digits.count
    if value < 0 { digits = -digits }
  }

  private var double: Double {
    Double("\(digits)e\(exponent)") ?? 0
  }

  static func fold(_ first: Double, _ rest: [Double], _ operation: Operation)
    throws(TemplateCallError) -> Double
  {
    var value = first
    var exact: Decimal? = nil
    for next in [first] + rest where !next.isFinite {
      throw TemplateCallError("Cannot create a Decimal from \(TemplateValue.float(next).text)")
    }
    exact = Decimal(first)
    for next in rest {
      if operation == .divide, next == 0 { throw TemplateCallError("decimal division by 0") }
      if let left = exact, let result = left.apply(operation, Decimal(next)) {
        exact = result
        value = result.double
      } else {
        exact = nil
        switch operation {
        case .add: value += next
        case .subtract: value -= next
        case .multiply: value *= next
        case .divide: value /= next
        }
      }
    }
    return value
  }

  /// nil when the digits do not suffice.
  private func apply(_ operation: Operation, _ other: Decimal) -> Decimal? {
    switch operation {
    case .add, .subtract:
      let low = min(exponent, other.exponent)
      guard let a = scaled(to: low), let b = other.scaled(to: low) else { return nil }
      let (sum, overflow) =
        operation == .add
        ? a.addingReportingOverflow(b) : a.subtractingReportingOverflow(b)
      return overflow ? nil : Decimal(digits: sum, exponent: low)
    case .multiply:
      let (product, overflow) = digits.multipliedReportingOverflow(by: other.digits)
      return overflow ? nil : Decimal(digits: product, exponent: exponent + other.exponent)
    case .divide:
      // Sixteen digits behind the point, the last one rounded away from zero.
      guard let top = shifted(by: exponent - other.exponent + 16) else { return nil }
      let (quotient, rest) = top.quotientAndRemainder(dividingBy: other.digits)
      let goesUp = rest.magnitude * 2 >= other.digits.magnitude
      let step: Int128 = (top < 0) != (other.digits < 0) ? -1 : 1
      return Decimal(digits: goesUp && rest != 0 ? quotient + step : quotient, exponent: -16)
    }
  }

  private func scaled(to low: Int) -> Int128? { shifted(by: exponent - low) }

  private func shifted(by count: Int) -> Int128? {
    guard count >= 0, count <= 38 else { return digits == 0 ? 0 : nil }
    var value = digits
    for _ in 0..<count {
      let (next, overflow) = value.multipliedReportingOverflow(by: 10)
      if overflow { return nil }
      value = next
    }
    return value
  }
}
