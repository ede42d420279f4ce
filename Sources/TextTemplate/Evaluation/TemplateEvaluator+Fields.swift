import TelemetryModel

extension TemplateEvaluator {
  /// `.a.b` of `value`; arguments go to the last name, which is a method then.
  mutating func fields(
    _ names: [String], _ value: TemplateValue, _ operands: [TemplateOperand],
    _ dot: TemplateValue, _ final: TemplateValue?
  ) throws(TemplateError) -> TemplateValue {
    var value = value
    for (index, name) in names.enumerated() {
      let isLast = index == names.count - 1
      value = try field(name, value, isLast ? operands : [], dot, isLast ? final : nil)
    }
    return value
  }

  private mutating func field(
    _ name: String, _ receiver: TemplateValue, _ operands: [TemplateOperand],
    _ dot: TemplateValue, _ final: TemplateValue?
  ) throws(TemplateError) -> TemplateValue {
    switch receiver {
    case .null: return .null
    case .map(let map):
      if operands.count > 1 || final != nil {
        throw failure("\(name) is not a method but has arguments")
      }
      if let value = map[name] { return value }
      return map.hasTextOnly && template.missingKey == .zero ? .string("") : .null
    case .time(let time):
      var arguments: [TemplateValue] = []
      for operand in operands.dropFirst() { arguments.append(try evaluate(operand, dot)) }
      if let final { arguments.append(final) }
      if let value = TimeMethods.call(name, time, arguments) { return value }
      throw failure("can't evaluate field \(name) in type time.Time")
    default: throw failure("can't evaluate field \(name) in type \(receiver.typeName)")
    }
  }
}

/// The methods of Go's `time.Time` that templates use.
enum TimeMethods {
  /// nil for an unknown method or arguments that it doesn't take.
  static func call(_ name: String, _ time: ZonedTime, _ arguments: [TemplateValue])
    -> TemplateValue?
  {
    if name == "Format", arguments.count == 1, case .string(let layout) = arguments[0] {
      return .string(GoTimeLayout(layout).format(time))
    }
    guard arguments.isEmpty else { return nil }
    let clock = ClockReading(time)
    switch name {
    case "Unix": return .int64(time.unixSeconds)
    case "UnixMilli": return .int64(time.unixSeconds &* 1000 &+ time.nanosecond / 1_000_000)
    case "UnixMicro": return .int64(time.unixSeconds &* 1_000_000 &+ time.nanosecond / 1000)
    case "UnixNano": return .int64(Int(time.unixNanoseconds))
    case "Year": return .int(clock.date.year)
    case "Day": return .int(clock.date.day)
    case "YearDay": return .int(clock.date.dayOfYear)
    case "Hour": return .int(clock.hour)
    case "Minute": return .int(clock.minute)
    case "Second": return .int(clock.second)
    case "Nanosecond": return .int(time.nanosecond)
    case "Month": return .string(GoTimeLayout("January").format(time))
    case "Weekday": return .string(GoTimeLayout("Monday").format(time))
    case "UTC": return .time(time.in(.utc))
    case "String": return .string(GoTimeLayout.default.format(time))
    case "IsZero":
      return .bool(time.unixSeconds == ZonedTime.zero.unixSeconds && time.nanosecond == 0)
    default: return nil
    }
  }
}
