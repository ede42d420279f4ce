import TelemetryModel

/// The options that every question to the server shares; logcli's where the meaning is the same.
enum QueryOptions {
  static let server: [Option] = [
    .value(
      "addr", "URL", "the server", preset: "http://127.0.0.1:3100", environment: "LOKI_ADDR"),
    .value("org-id", "TENANT", "the tenant, sent as X-Scope-OrgID", environment: "LOKI_ORG_ID"),
    .value("username", "NAME", "for basic authentication", environment: "LOKI_USERNAME"),
    .value("password", "WORD", "for basic authentication", environment: "LOKI_PASSWORD"),
    .value("bearer-token", "TOKEN", "sent as Authorization", environment: "LOKI_BEARER_TOKEN"),
    .value("timeout", "TIME", "gives up after this", preset: "90s"),
  ]

  static let range: [Option] = [
    .value("since", "TIME", "how far back to look", preset: "1h"),
    .value("from", "WHEN", "start, inclusive: RFC 3339 or seconds since 1970"),
    .value("to", "WHEN", "end, exclusive; now when not given"),
  ]
}

/// A range of time as a command was given it.
struct QueryRange {
  var start: Timestamp
  var end: Timestamp

  init(_ arguments: Arguments, now: Timestamp) throws(UsageError) {
    end = try arguments["to"].map { text throws(UsageError) in try parseMoment(text) } ?? now
    if let from = arguments["from"] {
      start = try parseMoment(from)
    } else {
      start = end - (try parseTimeSpan(try arguments.required("since")))
    }
    guard start < end else { throw UsageError(message: "--from is not before --to") }
  }
}

/// Reads RFC 3339 (`2026-11-21T06:00:00Z`, with or without a fraction), or seconds since 1970.
func parseMoment(_ text: String) throws(UsageError) -> Timestamp {
  if let seconds = Int64(text), text.count <= 11 { return Timestamp(seconds: seconds) }
  if let nanoseconds = Int64(text) { return Timestamp(nanoseconds: nanoseconds) }
  guard let moment = RFC3339.parse(text) else {
    throw UsageError(message: "'\(text)' is no time; write 2026-11-21T06:00:00Z or seconds")
  }
  return moment
}
