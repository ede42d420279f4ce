import LinuxIO
import Pipeline
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
    .value(
      "bearer-token-file", "FILE", "the token is the file's content",
      environment: "LOKI_BEARER_TOKEN_FILE"),
    .value(
      "auth-header", "NAME", "sent instead of Authorization", environment: "LOKI_AUTH_HEADER"),
    .value(
      "ca-cert", "FILE", "PEM of the authorities to trust", environment: "LOKI_CA_CERT_PATH"),
    .value(
      "cert", "FILE", "PEM of the client's certificate", environment: "LOKI_CLIENT_CERT_PATH"),
    .value("key", "FILE", "PEM of the client's key", environment: "LOKI_CLIENT_KEY_PATH"),
    .flag(
      "tls-skip-verify", "trust any certificate", environment: "LOKI_TLS_SKIP_VERIFY"),
    .value(
      "query-tags", "TAGS", "sent as X-Query-Tags: source=me,feature=x",
      environment: "LOKI_QUERY_TAGS"),
    .flag("nocache", "sent as Cache-Control: no-cache", environment: "LOKI_NO_CACHE"),
    .value(
      "proxy-url", "URL", "the proxy to go through; else the environment's http_proxy",
      environment: "LOKI_HTTP_PROXY_URL"),
    .flag(
      "envproxy", "of no meaning: the environment's proxy counts where --proxy-url is not given",
      environment: "LOKI_ENV_PROXY"),
    .value("header", "'NAME: VALUE'", "sent with each request", isRepeatable: true),
    .value(
      "retries", "N", "ask again so often when the server has no answer", preset: "0",
      environment: "LOKI_CLIENT_RETRIES"),
    .value(
      "min-backoff", "SECONDS", "before the first time", preset: "0",
      environment: "LOKI_CLIENT_MIN_BACKOFF"),
    .value(
      "max-backoff", "SECONDS", "the wait doubles up to this", preset: "0",
      environment: "LOKI_CLIENT_MAX_BACKOFF"),
    .value("timeout", "TIME", "gives up after this", preset: "90s"),
  ]

  static let range: [Option] = [
    .value("since", "TIME", "how far back to look", preset: "1h"),
    .value("from", "WHEN", "start, inclusive: RFC 3339 or seconds since 1970"),
    .value("to", "WHEN", "end, exclusive; now when not given"),
  ]

  static let quiet = Option.flag("quiet", "no notes on stderr", aliases: ["q"])

  /// How lines and samples are written.
  static let output: [Option] = [
    .choice(
      "output", QueryForm.allCases.map(\.rawValue), "how the answer is written",
      preset: "default", aliases: ["o"]),
    .value(
      "timezone", "ZONE", "of the times written: Local, UTC or a name such as Europe/Berlin",
      preset: "Local", aliases: ["z"]),
    .choice(
      "output-timestamp-format", timestampLayouts.map(\.name), "how times are written",
      preset: "rfc3339"),
    .flag("no-labels", "do not show the labels of lines"),
    .value(
      "include-label", "NAME", "show only labels of this name", isRepeatable: true),
    .value("exclude-label", "NAME", "do not show this label", isRepeatable: true),
    .value("labels-length", "N", "columns for labels at least", preset: "0"),
    .flag("include-common-labels", "show labels too that all lines share"),
    .flag("colored-output", "write as for a terminal, with colours (`| less -R`)"),
    quiet,
  ]

  /// logcli's names and Go's layouts.
  static let timestampLayouts: [(name: String, layout: String)] = [
    ("rfc3339", "2006-01-02T15:04:05Z07:00"),
    ("rfc3339nano", "2006-01-02T15:04:05.999999999Z07:00"),
    ("rfc822z", "02 Jan 06 15:04 -0700"), ("rfc1123z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("stampmicro", "Jan _2 15:04:05.000000"), ("stampmilli", "Jan _2 15:04:05.000"),
    ("stampnano", "Jan _2 15:04:05.000000000"), ("unixdate", "Mon Jan _2 15:04:05 MST 2006"),
  ]
}

/// A range of time as a command was given it.
struct QueryRange {
  var start: Timestamp
  var end: Timestamp

  init(start: Timestamp, end: Timestamp) {
    self.start = start
    self.end = end
  }

  /// - Parameter isJudged: whether an empty range is an error here; else the server says so.
  init(_ arguments: Arguments, now: Timestamp, isJudged: Bool = true) throws(UsageError) {
    end = try arguments["to"].map { text throws(UsageError) in try parseMoment(text) } ?? now
    if let from = arguments["from"] {
      start = try parseMoment(from)
    } else {
      start = end - (try parseTimeSpan(try arguments.required("since")))
    }
    guard !isJudged || start < end else { throw UsageError(message: "--from is not before --to") }
  }

  var length: TimeSpan { end - start }

  /// The range as parameters.
  var fields: [(String, String)] {
    [("start", "\(start.nanoseconds)"), ("end", "\(end.nanoseconds)")]
  }
}

/// Reads RFC 3339 (`2026-11-21T06:00:00Z`, with or without a fraction), or seconds since 1970.
func parseMoment(_ text: String) throws(UsageError) -> Timestamp {
  if let seconds = Int64(text), text.count <= 11 {
    let (nanoseconds, isOutside) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !isOutside else {
      throw UsageError(message: "'\(text)' seconds are outside the years 1677 to 2262")
    }
    return Timestamp(nanoseconds: nanoseconds)
  }
  if let nanoseconds = Int64(text) { return Timestamp(nanoseconds: nanoseconds) }
  guard let moment = RFC3339.parse(text) else {
    throw UsageError(message: "'\(text)' is no time; write 2026-11-21T06:00:00Z or seconds")
  }
  return moment
}

/// A length as Loki's parameters take it: seconds, with a fraction where there is one.
func secondsText(_ span: TimeSpan) -> String {
  let (seconds, rest) = span.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
  guard rest != 0 else { return "\(seconds)" }
  var digits = "\(rest)"
  digits = String(repeating: "0", count: 9 - digits.count) + digits
  while digits.hasSuffix("0") { digits.removeLast() }
  return "\(seconds).\(digits)"
}

/// The zone that `--timezone` names; `Local` is the environment's `TZ`, else the machine's.
func timeZone(_ arguments: Arguments, _ surroundings: Surroundings) throws(UsageError)
  -> TimeZoneRules
{
  let name = try arguments.required("timezone")
  let database = TimeZoneDatabase(fileSystem: RealFileSystem())
  guard name.lowercased() == "local" else {
    guard let rules = database.rules(named: name) else {
      throw UsageError(message: "--timezone: '\(name)' is not known; write Europe/Berlin or UTC")
    }
    return rules
  }
  if let set = surroundings.environment["TZ"] {
    return database.rules(named: set.hasPrefix(":") ? String(set.dropFirst()) : set) ?? .utc
  }
  return database.rules(named: "Local") ?? .utc
}
