import Bytes
import TelemetryModel

/// Functions for times.
enum DateFunctions {
  static func table(_ environment: TemplateEnvironment) -> TemplateFunctions {
    var table = TemplateFunctions()
    table["now"] = TemplateFunction { _ in .time(environment.zonedNow()) }
    table["date"] = TemplateFunction(.string, .any) { (arguments) in
      .string(format(arguments[0].text, arguments[1], environment.localZone, environment))
    }
    table["toDate"] = TemplateFunction(.string, .string) { (arguments) in
      .time(parse(arguments[0].text, arguments[1].text, environment.localZone))
    }
    table["toDateInZone"] = TemplateFunction(.string, .string, .string) { (arguments) in
      let zone = environment.zones.rules(named: arguments[1].text) ?? .utc
      return .time(parse(arguments[0].text, arguments[2].text, zone))
    }
    table["unixEpoch"] = time { String($0.unixSeconds) }
    table["unixEpochMillis"] = time {
      String($0.unixSeconds &* 1000 &+ $0.nanosecond / 1_000_000)
    }
    table["unixEpochNanos"] = time { String($0.unixNanoseconds) }
    table["unixToTime"] = TemplateFunction(.string) { (arguments) throws(TemplateCallError) in
      .time(try unixTime(arguments[0].text, environment.localZone))
    }
    return table
  }

  private static func time(_ body: @escaping @Sendable (ZonedTime) -> String) -> TemplateFunction {
    TemplateFunction(.time) { (arguments) in
      guard case .time(let time) = arguments[0] else { return .null }
      return .string(body(time))
    }
  }

  /// Of a time or of seconds since the epoch; of anything else the present time.
  static func format(
    _ layout: String, _ value: TemplateValue, _ zone: TimeZoneRules,
    _ environment: TemplateEnvironment
  ) -> String {
    let time: ZonedTime
    switch value {
    case .time(let given): time = given
    case .int(let seconds), .int64(let seconds): time = ZonedTime(unixSeconds: seconds)
    default: time = environment.zonedNow()
    }
    return GoTimeLayout(layout).format(time.in(zone))
  }

  /// What cannot be read is the zero time.
  private static func parse(_ layout: String, _ text: String, _ zone: TimeZoneRules) -> ZonedTime {
    (try? GoTimeLayout(layout).parse(text, in: zone)) ?? .zero
  }

  /// Digits: 5 are days, 10 seconds, 13 milliseconds, 16 microseconds, 19 nanoseconds.
  private static func unixTime(_ text: String, _ zone: TimeZoneRules) throws(TemplateCallError)
    -> ZonedTime
  {
    guard let number = Int(text) else {
      throw TemplateCallError(
        "unable to parse time '\(text)': strconv.ParseInt: parsing \(quoted(text)): invalid syntax")
    }
    func nanoseconds(_ scale: Int) -> ZonedTime {
      ZonedTime(Timestamp(nanoseconds: Int64(number) &* Int64(scale)), zone: zone)
    }
    switch text.utf8.count {
    case 5: return ZonedTime(unixSeconds: number * 86_400, zone: zone)
    case 10: return ZonedTime(unixSeconds: number, zone: zone)
    case 13: return nanoseconds(1_000_000)
    case 16: return nanoseconds(1000)
    case 19: return nanoseconds(1)
    default: throw TemplateCallError("unable to parse time '\(text)': %!w(<nil>)")
    }
  }
}
