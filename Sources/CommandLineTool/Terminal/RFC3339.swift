import TelemetryModel

/// Times as the command line shows and reads them (RFC 3339).
enum RFC3339 {
  private static let milliseconds = GoTimeLayout("2006-01-02T15:04:05.000Z07:00")

  /// In UTC with milliseconds: `2026-11-21T06:00:00.000Z`.
  static func format(_ time: Timestamp) -> String {
    milliseconds.format(ZonedTime(time))
  }

  /// nil for another form. A fraction of up to nine digits is read.
  static func parse(_ text: String) -> Timestamp? {
    (try? GoTimeLayout.rfc3339Nano.parse(text))?.timestamp
  }
}
