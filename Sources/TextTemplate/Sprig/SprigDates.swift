import TelemetryModel

/// sprig's functions for times and lengths of time that LogQL does not have.
enum SprigDates {
  static func table(_ environment: TemplateEnvironment) -> TemplateFunctions {
    var table = TemplateFunctions()
    @Sendable func zone(_ name: String) -> TimeZoneRules {
      environment.zones.rules(named: name) ?? .utc
    }
    table["dateInZone"] = TemplateFunction(.string, .any, .string) { (arguments) in
      .string(
        DateFunctions.format(
          arguments[0].text, arguments[1], zone(arguments[2].text), environment))
    }
    table["date_in_zone"] = table["dateInZone"]
    table["htmlDate"] = TemplateFunction(.any) { (arguments) in
      .string(
        DateFunctions.format("2006-01-02", arguments[0], environment.localZone, environment))
    }
    table["htmlDateInZone"] = TemplateFunction(.any, .string) { (arguments) in
      .string(
        DateFunctions.format("2006-01-02", arguments[0], zone(arguments[1].text), environment))
    }
    table["dateModify"] = TemplateFunction(.string, .time) { (arguments) in
      moved(arguments[1], arguments[0].text) ?? arguments[1]
    }
    table["date_modify"] = table["dateModify"]
    table["mustDateModify"] = TemplateFunction(.string, .time) {
      (arguments) throws(TemplateCallError) in
      guard let time = moved(arguments[1], arguments[0].text) else {
        throw TemplateCallError("time: invalid duration \(quoted(arguments[0].text))")
      }
      return time
    }
    table["must_date_modify"] = table["mustDateModify"]
    table["mustToDate"] = TemplateFunction(.string, .string) {
      (arguments) throws(TemplateCallError) in
      let layout = GoTimeLayout(arguments[0].text)
      guard let time = try? layout.parse(arguments[1].text, in: environment.localZone) else {
        throw TemplateCallError("parsing time \(quoted(arguments[1].text)) failed")
      }
      return .time(time)
    }
    table["ago"] = TemplateFunction(.any) { (arguments) in
      let now = environment.zonedNow()
      let seconds =
        switch arguments[0] {
        case .time(let time): now.unixSeconds - time.unixSeconds
        case .int(let seconds), .int64(let seconds): now.unixSeconds &- seconds
        default: 0
        }
      return .string(length(seconds))
    }
    table["duration"] = TemplateFunction(.any) { (arguments) in
      switch arguments[0] {
      case .string(let text): .string(length(Int(text) ?? 0))
      case .int64(let seconds): .string(length(seconds))
      default: .string("0s")
      }
    }
    table["durationRound"] = TemplateFunction(.any) { (arguments) in
      .string(rounded(arguments[0], environment))
    }
    return table
  }

  private static func length(_ seconds: Int) -> String {
    TimeSpan(
      nanoseconds: Int64(seconds).multipliedReportingOverflow(by: 1_000_000_000).partialValue
    )
    .goDescription
  }

  private static func moved(_ value: TemplateValue, _ span: String) -> TemplateValue? {
    guard case .time(var time) = value, let span = try? TimeSpan(goDuration: span) else {
      return nil
    }
    let nanosecond = time.nanosecond + Int(span.nanoseconds % 1_000_000_000)
    time.unixSeconds &+= Int(span.nanoseconds / 1_000_000_000)
    time.nanosecond = nanosecond
    if nanosecond < 0 {
      time.unixSeconds &-= 1
      time.nanosecond += 1_000_000_000
    } else if nanosecond >= 1_000_000_000 {
      time.unixSeconds &+= 1
      time.nanosecond -= 1_000_000_000
    }
    return .time(time)
  }

  /// The largest unit alone: `3d`, `2mo`.
  private static func rounded(_ value: TemplateValue, _ environment: TemplateEnvironment) -> String
  {
    let span: UInt64
    switch value {
    case .string(let text): span = ((try? TimeSpan(goDuration: text))?.nanoseconds ?? 0).magnitude
    case .int64(let nanoseconds): span = UInt64(nanoseconds.magnitude)
    case .time(let time):
      let now = environment.zonedNow()
      span =
        UInt64((now.unixSeconds - time.unixSeconds).magnitude).multipliedReportingOverflow(
          by: 1_000_000_000
        ).partialValue
    default: span = 0
    }
    let second: UInt64 = 1_000_000_000
    let units = [
      (second * 31_536_000, "y"), (second * 2_592_000, "mo"), (second * 86_400, "d"),
      (second * 3600, "h"), (second * 60, "m"), (second, "s"),
    ]
    for (size, name) in units where span > size { return "\(span / size)\(name)" }
    return "0s"
  }
}
