import Foundation
import TelemetryModel
import Testing

@Suite struct TimeZoneRulesTests {
  private static let database = TimeZoneDatabase { path in
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    return [UInt8](data)
  }

  @Test func datesAgreeWithFoundation() throws {
    var calendar = Calendar(identifier: .iso8601)
    calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let days = Int.random(in: -50_000...100_000, using: &random)
      let date = Date(timeIntervalSince1970: Double(days) * 86_400)
      let parts = calendar.dateComponents([.year, .month, .day, .weekday], from: date)
      let ours = CivilDate(daysSinceEpoch: days)
      #expect(ours.year == parts.year && ours.month == parts.month && ours.day == parts.day)
      #expect(ours.weekday + 1 == parts.weekday)
      #expect(ours.daysSinceEpoch == days)
    }
  }

  @Test(arguments: ["Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata"])
  func offsetsAgreeWithFoundation(name: String) throws {
    guard let rules = Self.database.rules(named: name) else {
      print("skipped: this machine has no zone \(name)")
      return
    }
    let other = try #require(TimeZone(identifier: name))
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let seconds = Int.random(in: 300_000_000...4_000_000_000, using: &random)
      let wanted = other.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
      let period = rules.period(at: seconds)
      #expect(period.offsetSeconds == wanted, "\(name) at \(seconds)")
      #expect(period.range.contains(seconds))
    }
  }

  @Test func wallClocksAreTakenAsGoDoes() throws {
    guard let berlin = Self.database.rules(named: "Europe/Berlin") else {
      print("skipped: this machine has no zone Europe/Berlin")
      return
    }
    let layout = GoTimeLayout("2006-01-02 15:04:05")
    let summer = try layout.parse("2023-07-01 12:00:00", in: berlin)
    #expect(GoTimeLayout.rfc3339.format(summer.in(.utc)) == "2023-07-01T10:00:00Z")
    #expect(GoTimeLayout("MST -0700").format(summer) == "CEST +0200")
    let farSummer = try layout.parse("2100-07-01 12:00:00", in: berlin)
    #expect(GoTimeLayout("MST").format(farSummer) == "CEST")
    let named = try GoTimeLayout("2006-01-02 MST").parse("2023-01-01 CET", in: berlin)
    #expect(GoTimeLayout.rfc3339.format(named.in(.utc)) == "2022-12-31T23:00:00Z")
  }

  @Test func namesNeverLeaveTheFolder() {
    let open = TimeZoneDatabase { path in
      Issue.record("read \(path)")
      return nil
    }
    for name in ["../../etc/passwd", "/etc/passwd", "a//b", "./x", "a\\b"] {
      #expect(open.rules(named: name) == nil)
    }
    #expect(open.rules(named: "") == .utc && open.rules(named: "UTC") == .utc)
  }

  @Test func damagedFilesAreRefused() throws {
    guard let data = FileManager.default.contents(atPath: "/usr/share/zoneinfo/Europe/Berlin")
    else {
      print("skipped: this machine has no zone Europe/Berlin")
      return
    }
    let whole = [UInt8](data)
    #expect(throws: TimeZoneError.self) { try TimeZoneRules(name: "x", tzif: []) }
    for count in stride(from: 0, to: whole.count - 30, by: 7) {
      #expect(throws: TimeZoneError.self) {
        try TimeZoneRules(name: "x", tzif: Array(whole.prefix(count)))
      }
    }
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      var bytes = whole
      for _ in 0..<4 {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255)
      }
      let rules = try? TimeZoneRules(name: "x", tzif: bytes)
      _ = rules?.period(at: Int.random(in: -(1 << 40)...(1 << 40), using: &random))
    }
  }
}
