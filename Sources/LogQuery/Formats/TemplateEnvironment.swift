package import TelemetryModel

/// What templates take from outside of a row.
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
}
