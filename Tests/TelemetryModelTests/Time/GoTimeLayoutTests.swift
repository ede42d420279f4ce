import TelemetryModel
import Testing

@Suite struct GoTimeLayoutTests {
  /// 2009-02-05 05:00:57.012345600 in Go's examples' zone PST.
  private static let pacific = TimeZoneRules(offsetSeconds: -8 * 3600, abbreviation: "PST")
  private static let sample = ZonedTime(
    CivilDate(year: 2009, month: 2, day: 5), hour: 5, minute: 0, second: 57,
    nanosecond: 12_345_600, zone: pacific)

  /// The answers follow from the documentation of Go's `time` package.
  @Test(arguments: [
    ("Mon Jan _2 15:04:05 2006", "Thu Feb  5 05:00:57 2009"),
    ("Mon Jan _2 15:04:05 MST 2006", "Thu Feb  5 05:00:57 PST 2009"),
    ("02 Jan 06 15:04 -0700", "05 Feb 09 05:00 -0800"),
    ("Monday, 02-Jan-06 15:04:05 MST", "Thursday, 05-Feb-09 05:00:57 PST"),
    ("2006-01-02T15:04:05Z07:00", "2009-02-05T05:00:57-08:00"),
    ("2006-01-02T15:04:05.999999999Z07:00", "2009-02-05T05:00:57.0123456-08:00"),
    ("3:04PM", "5:00AM"), ("3:4:5 pm", "5:0:57 am"), ("Jan _2 15:04:05.000", "Feb  5 05:00:57.012"),
    ("Jan _2 15:04:05.000000", "Feb  5 05:00:57.012345"), ("05.00 05,000", "57.01 57,012"),
    ("15h 1/2/2006", "05h 2/5/2009"), ("__2 002", " 36 036"), ("Month January", "Month February"),
    ("Janet Jan", "Janet Feb"), ("_2006", "_2009"),
    ("Z0700 Z07 -07 -07:00:00", "-0800 -08 -08 -08:00:00"),
    ("20060102150405", "20090205050057"), ("", ""), ("no element", "no element"),
  ])
  func formats(layout: String, expected: String) {
    #expect(GoTimeLayout(layout).format(Self.sample) == expected)
  }

  @Test func writesUTCAsZ() {
    let time = ZonedTime(unixSeconds: 0, nanosecond: 500_000_000)
    #expect(GoTimeLayout.rfc3339Nano.format(time) == "1970-01-01T00:00:00.5Z")
    #expect(GoTimeLayout.default.format(time) == "1970-01-01 00:00:00.5 +0000 UTC")
    #expect(GoTimeLayout("12 03:04 PM").format(time) == "12 12:00 AM".replacingTwelve)
    #expect(GoTimeLayout.default.format(.zero) == "0001-01-01 00:00:00 +0000 UTC")
  }

  @Test(arguments: [
    ("2006-01-02T15:04:05Z07:00", "2023-03-10T07:08:09Z", "2023-03-10T07:08:09Z"),
    ("2006-01-02T15:04:05Z07:00", "2023-03-10T07:08:09.25+02:00", "2023-03-10T05:08:09.25Z"),
    (
      "2006-01-02T15:04:05.999Z07:00", "2023-03-10T07:08:09,123456789123Z",
      "2023-03-10T07:08:09.123456789Z"
    ),
    ("02/Jan/2006:15:04:05 -0700", "10/MAR/2023:07:08:09 -0130", "2023-03-10T08:38:09Z"),
    ("Mon Jan _2 15:04:05 2006", "Fri Mar  3 07:08:09 2023", "2023-03-03T07:08:09Z"),
    ("Jan _2 15:04:05", "Mar 3 07:08:09", "0000-03-03T07:08:09Z"),
    ("3:04 PM", "12:30 AM", "0000-01-01T00:30:00Z"), ("3:04PM", "11:30PM", "0000-01-01T23:30:00Z"),
    ("06-1-2", "68-2-3", "2068-02-03T00:00:00Z"), ("06-1-2", "69-12-31", "1969-12-31T00:00:00Z"),
    ("2006 002", "2024 366", "2024-12-31T00:00:00Z"),
    ("2006-01-02 MST", "2023-03-10 GMT+3", "2023-03-09T21:00:00Z"),
    ("2006-01-02 MST", "2023-03-10 UTC", "2023-03-10T00:00:00Z"),
    ("2006  01", "2023 02", "2023-02-01T00:00:00Z"),
  ])
  func parses(layout: String, text: String, expected: String) throws {
    let time = try GoTimeLayout(layout).parse(text)
    #expect(GoTimeLayout.rfc3339Nano.format(time.in(.utc)) == expected)
  }

  @Test(arguments: [
    ("2006-01-02", "2023-13-01", #"parsing time "2023-13-01": month out of range"#),
    ("2006-01-02", "2023-02-29", #"parsing time "2023-02-29": day out of range"#),
    (
      "2006-01-02", "2023-2-01",
      #"parsing time "2023-2-01" as "2006-01-02": cannot parse "2-01" as "01""#
    ),
    ("2006-01-02", "", #"parsing time "" as "2006-01-02": cannot parse "" as "2006""#),
    ("2006-01-02", "2023-01-01x", #"parsing time "2023-01-01x": extra text: "x""#),
    ("15:04", "24:00", #"parsing time "24:00": hour out of range"#),
    ("15:04", "12-30", #"parsing time "12-30" as "15:04": cannot parse "-30" as ":""#),
    ("05.000", "07", #"parsing time "07" as "05.000": cannot parse "" as ".000""#),
  ])
  func refuses(layout: String, text: String, expected: String) {
    let error = #expect(throws: GoTimeError.self) { try GoTimeLayout(layout).parse(text) }
    #expect(error?.message == expected)
  }

  @Test func everyLayoutReadsWhatItWrote() throws {
    let layouts = [
      "RFC822Z", "RFC850", "RFC1123", "RFC1123Z", "RFC3339", "RFC3339Nano", "ANSIC", "UnixDate",
      "RubyDate",
    ]
    var random = SystemRandomNumberGenerator()
    for name in layouts {
      let layout = try #require(GoTimeLayout.named(name))
      for _ in 0..<200 {
        let minutes = Int.random(in: 0..<33_000_000, using: &random)
        let time = ZonedTime(unixSeconds: minutes * 60)
        let again = try layout.parse(layout.format(time))
        #expect(again.unixSeconds == time.unixSeconds, "\(name) \(layout.format(time))")
      }
    }
  }

  @Test func garbageNeverTraps() {
    var random = SystemRandomNumberGenerator()
    let pieces = [
      "2006", "01", "_2", "Jan", ".000", ",999", "-07", "Z07:00", "MST", " ", "x", "GMT-",
    ]
    for _ in 0..<20_000 {
      func text() -> String {
        (0..<Int.random(in: 0..<6, using: &random)).map { _ in
          pieces[Int.random(in: 0..<pieces.count, using: &random)]
        }.joined()
      }
      let layout = GoTimeLayout(text())
      _ = try? layout.parse(text())
      _ = layout.format(ZonedTime(unixSeconds: Int.random(in: -(1 << 60)...(1 << 60))))
    }
  }
}

extension String {
  /// `12` in a layout is a month and a day: both written out for the epoch's day.
  fileprivate var replacingTwelve: String { "1" + "1" + dropFirst(2) }
}
