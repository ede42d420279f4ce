import LinuxIO
package import TelemetryModel

/// What functions take from outside of the data.
package struct TemplateEnvironment: Sendable {
  /// What `now` answers.
  package var now: @Sendable () -> Timestamp
  /// The zones that `toDateInZone` knows.
  package var zones: TimeZoneDatabase
  /// The zone that `date` and `toDate` mean.
  package var localZone: TimeZoneRules

  package init(
    now: @escaping @Sendable () -> Timestamp = { .zero }, zones: TimeZoneDatabase = .utcOnly,
    localZone: TimeZoneRules = .utc
  ) {
    self.now = now
    self.zones = zones
    self.localZone = localZone
  }

  /// This machine's clock and zones, and its own zone as the local one.
  package static let system = TemplateEnvironment(
    now: { Timestamp(nanoseconds: SystemClock().now()) }, zones: .system,
    localZone: TimeZoneDatabase.system.rules(named: "Local") ?? .utc)

  func zonedNow() -> ZonedTime { ZonedTime(now(), zone: localZone) }
}

extension TimeZoneDatabase {
  /// The zones of this machine.
  package static let system = TimeZoneDatabase { path in
    try? RealFileSystem().readWhole(path, bytesMax: TimeZoneRules.fileBytesMax)
  }
}
