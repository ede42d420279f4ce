package import TelemetryModel

/// How senders write messages.
package enum SyslogFormat: String, CaseIterable, Hashable, Sendable {
  case rfc5424
  case rfc3164
  /// Each message is read as what it looks like.
  case auto
}

/// One syslog message taken apart (RFC 5424, or RFC 3164 as it is really sent).
///
/// Ranges lie in the bytes that it was read from. As Promtail reads them, what is malformed after
/// the priority ends the reading and keeps what was read so far; a message without text is told
/// by `text` being nil.
package struct SyslogMessage: Hashable, Sendable {
  /// A parameter of a structured data element.
  package struct Parameter: Hashable, Sendable {
    package var element: String
    package var name: String
    package var value: String
  }

  package var facility: UInt8 = 0
  package var severity: UInt8 = 0
  package var timestamp: Timestamp?
  package var host: Range<Int>?
  package var application: Range<Int>?
  package var process: Range<Int>?
  package var messageID: Range<Int>?
  package var structuredData: [Parameter] = []
  package var text: Range<Int>?

  /// The facility's keyword (RFC 5427), or empty.
  package var facilityName: String {
    Int(facility) < Self.facilityNames.count ? Self.facilityNames[Int(facility)] : ""
  }
  package var severityName: String { Self.severityNames[Int(severity)] }

  private static let facilityNames = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "security", "console", "cron2", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
  ]
  private static let severityNames = [
    "emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug",
  ]

  /// Reads a message; nil when it has no priority, or is no RFC 5424 message where one is asked
  /// for.
  ///
  /// - Parameters:
  ///   - now: gives the year to times of RFC 3164, which have none.
  ///   - zone: of times without one.
  package init?(
    _ bytes: UnsafeRawBufferPointer, format: SyslogFormat, now: Timestamp,
    zone: TimeZoneRules = .utc
  ) {
    var reader = SyslogReader(bytes)
    guard let priority = reader.readPriority() else { return nil }
    facility = UInt8(priority / 8)
    severity = UInt8(priority % 8)
    let isNew = reader.readVersion()
    switch format {
    case .rfc5424 where !isNew: return nil
    case .rfc5424: reader.readNew(&self)
    case .rfc3164 where !isNew, .auto where !isNew: reader.readOld(&self, now: now, zone: zone)
    case .rfc3164, .auto: reader.readNew(&self)
    }
  }
}
