import TelemetryModel
import Testing

@Suite struct GoDurationTests {
  @Test(arguments: [
    ("0", 0), ("+5s", 5_000_000_000), ("-1.5h", -5_400_000_000_000),
    ("1h15m30.918s", 4_530_918_000_000),
    ("3µs", 3000), ("3μs", 3000), ("10.5us", 10_500), (".5s", 500_000_000), ("1.s", 1_000_000_000),
    ("9223372036854775807ns", Int64.max), ("-9223372036854775808ns", Int64.min),
    ("0.9223372036854775807h", 3_320_413_933_267), ("0.100000000000000000000h", 360_000_000_000),
  ])
  func reads(text: String, nanoseconds: Int64) throws {
    #expect(try TimeSpan(goDuration: text).nanoseconds == nanoseconds)
  }

  @Test(arguments: [
    ("", #"time: invalid duration """#), ("3", #"time: missing unit in duration "3""#),
    ("-", #"time: invalid duration "-""#), ("1x", #"time: unknown unit "x" in duration "1x""#),
    ("s", #"time: invalid duration "s""#), ("1d", #"time: unknown unit "d" in duration "1d""#),
    ("9223372036854775808ns", #"time: invalid duration "9223372036854775808ns""#),
    ("3000000h", #"time: invalid duration "3000000h""#), (".s", #"time: invalid duration ".s""#),
    ("n/a", #"time: invalid duration "n/a""#),
  ])
  func refuses(text: String, message: String) {
    let error = #expect(throws: TimeSpan.GoDurationError.self) { try TimeSpan(goDuration: text) }
    #expect(error?.message == message)
  }

  @Test(arguments: [
    (0, "0s"), (1, "1ns"), (1100, "1.1µs"), (2_200_000, "2.2ms"), (3_300_000_000, "3.3s"),
    (305_001_000_000, "5m5.001s"), (18_320_100_000_000, "5h5m20.1s"), (-1, "-1ns"),
    (Int64.max, "2562047h47m16.854775807s"), (Int64.min, "-2562047h47m16.854775808s"),
    (3_600_000_000_000, "1h0m0s"), (60_000_000_000, "1m0s"),
  ])
  func writes(nanoseconds: Int64, text: String) {
    #expect(TimeSpan(nanoseconds: nanoseconds).goDescription == text)
  }
}
