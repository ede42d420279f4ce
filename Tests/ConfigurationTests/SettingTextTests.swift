import Configuration
import TelemetryModel
import Testing

@Suite struct SettingTextTests {
  @Test(
    arguments: [
      ("0", 0), ("0s", 0), ("250ms", 250_000_000), ("1.5s", 1_500_000_000),
      ("1h30m", 5_400_000_000_000),
      ("168h", 604_800_000_000_000), ("1d", 86_400_000_000_000), ("1w", 604_800_000_000_000),
      ("1y", 31_536_000_000_000_000), ("1w2d", 777_600_000_000_000), ("-5m", -300_000_000_000),
      ("3us", 3_000), ("3µs", 3_000), ("7ns", 7), (".5s", 500_000_000), ("1.s", 1_000_000_000),
      ("", nil), ("5", nil), ("s", nil), ("1x", nil), ("1 s", nil), ("1h 30m", nil), ("--1s", nil),
      (".s", nil), ("1e3s", nil), ("999999999h", nil), ("3 seconds", nil), ("1.2.3s", nil),
    ] as [(String, Int64?)])
  func readsDurations(_ text: String, _ nanoseconds: Int64?) {
    #expect(TimeSpan(durationText: text)?.nanoseconds == nanoseconds)
  }

  @Test(
    arguments: [
      ("0", 0), ("1048576", 1_048_576), ("256KB", 262_144), ("256kb", 262_144), ("4MB", 4_194_304),
      ("1.5GB", 1_610_612_736), ("64 MiB", 67_108_864), ("10b", 10), ("2TB", 2_199_023_255_552),
      ("3M", 3_145_728), ("", nil), ("KB", nil), ("5parsecs", nil), ("-1", nil), ("1..5KB", nil),
      ("99999999999999999999", nil), ("9999999999TB", nil),
    ] as [(String, Int?)])
  func readsSizes(_ text: String, _ bytes: Int?) {
    #expect(ByteSizeText.parse(text) == bytes)
  }

  @Test(
    arguments: [
      ("127.0.0.1:3100", "127.0.0.1", 3100), (":3100", "", 3100), ("[::1]:80", "::1", 80),
      ("localhost:0", "localhost", 0), ("[::]:65535", "::", 65535),
    ] as [(String, String, UInt16)])
  func readsAddresses(_ text: String, _ host: String, _ port: UInt16) {
    let address = ListenAddress(text)
    #expect(address == ListenAddress(host: host, port: port))
    #expect(address?.description == text)
  }

  @Test(arguments: [
    "", "3100", "host", "host:", "host:65536", "::1:80", "[::1]", "host:-1", "a b:80", "[x]:80",
    "http://h:80", "h:８０",
  ])
  func refusesAddresses(_ text: String) {
    #expect(ListenAddress(text) == nil)
  }
}
