import CLinux
import TelemetryModel

/// Arithmetic between values, as TraceQL has it.
package enum TraceArithmetic {
  /// The value, whole numbers staying whole; nil when a side is no number or the result none.
  package static func apply(
    _ operation: FieldOperator, _ left: TraceValue, _ right: TraceValue
  ) -> TraceValue? {
    if case .int(let a) = left, case .int(let b) = right { return whole(operation, a, b) }
    guard let a = left.number, let b = right.number else { return nil }
    switch operation {
    case .add: return .float(a + b)
    case .subtract: return .float(a - b)
    case .multiply: return .float(a * b)
    case .divide: return .float(a / b)
    case .modulo: return b == 0 ? nil : .float(a.truncatingRemainder(dividingBy: b))
    case .power: return .float(power(a, b))
    default: return nil
    }
  }

  private static func whole(_ operation: FieldOperator, _ a: Int64, _ b: Int64) -> TraceValue? {
    switch operation {
    case .add: return .int(a &+ b)
    case .subtract: return .int(a &- b)
    case .multiply: return .int(a &* b)
    case .divide: return b == 0 ? nil : .int(a.dividedReportingOverflow(by: b).partialValue)
    case .modulo:
      return b == 0 ? nil : .int(a.remainderReportingOverflow(dividingBy: b).partialValue)
    case .power: return .int(power(a, b))
    default: return nil
    }
  }

  /// The value with the other sign; nil for what is no number.
  package static func negated(_ value: TraceValue) -> TraceValue? {
    switch value {
    case .int(let number): .int(0 &- number)
    case .float(let number): .float(-number)
    case .duration(let span): .duration(TimeSpan(nanoseconds: 0 &- span.nanoseconds))
    default: nil
    }
  }

  private static func power(_ base: Int64, _ exponent: Int64) -> Int64 {
    if exponent < 0 { return abs(base) == 1 ? base : 0 }
    var (result, square, rest): (Int64, Int64, Int64) = (1, base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result = result &* square }
      square = square &* square
      rest >>= 1
    }
    return result
  }

  package static func power(_ base: Double, _ exponent: Double) -> Double {
    linux_power(base, exponent)
  }
}
