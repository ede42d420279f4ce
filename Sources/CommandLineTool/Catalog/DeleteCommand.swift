import LinuxIO
import TelemetryModel
import WireFormats

/// `sluice delete`: requests to delete lines.
let deleteCommand = Command(
  name: "delete", summary: "Delete lines: make, list and cancel requests.",
  subcommands: [deleteCreateCommand, deleteListCommand, deleteCancelCommand])

private let path = "/loki/api/v1/delete"

private let deleteCreateCommand = Command(
  name: "create", summary: "Ask for lines to be deleted.",
  notes: """
    Examples:
      sluice delete create --from 2026-11-20T00:00:00Z --to 2026-11-21T00:00:00Z '{job="auth"}'
      sluice delete create --since 1h '{job="auth"} |= "secret"'
    Matching lines are hidden at once and gone for good when the cancel period is over; until then
    `sluice delete cancel ID` brings them back.
    """,
  positional: "QUERY",
  options: [
    .value("max-interval", "TIME", "the longest range that one request may cover"),
    QueryOptions.quiet,
    .value("since", "TIME", "how far back lines are deleted"),
    .value("from", "WHEN", "start, inclusive: RFC 3339 or seconds since 1970"),
    .value("to", "WHEN", "end, the second of it included; now when not given"),
  ] + QueryOptions.server,
  run: { arguments, surroundings in
    guard arguments.positional.count == 1, let query = arguments.positional.first else {
      throw UsageError(message: "one query is needed, in quotes: '{job=\"auth\"} |= \"secret\"'")
    }
    guard ["since", "from"].contains(where: arguments.isGiven) else {
      throw UsageError(message: "--since or --from says from when on lines are deleted")
    }
    let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
    // The API knows whole seconds, the end's included: the one that has begun counts as a whole.
    let (whole, rest) = range.end.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    let end = whole + (rest > 0 ? 1 : 0)
    let (last, isTooLate) = end.multipliedReportingOverflow(by: 1_000_000_000)
    guard !isTooLate else { throw UsageError(message: "--to is later than times can be told") }
    // Loki refuses what ends in the future, which is less than a second away.
    let early = (Timestamp(nanoseconds: last) - Timestamp(nanoseconds: surroundings.now()))
      .nanoseconds
    if (1...1_000_000_000).contains(early) {
      try await EventLoop.shared.get()[0].sleep(seconds: Double(early) / 1e9)
    }
    var fields = [
      ("query", query), ("start", "\(range.start.nanoseconds / 1_000_000_000)"),
      ("end", "\(end)"),
    ]
    if let interval = arguments["max-interval"] { fields.append(("max_interval", interval)) }
    _ = try await ServerConnection(arguments).post(path, fields)
    if !arguments.has("quiet") {
      surroundings.errors.write("asked for; `sluice delete list` tells how it goes\n")
    }
    return .success
  })

private let deleteListCommand = Command(
  name: "list", summary: "List the requests and how far they are.",
  notes: "Example: sluice delete list",
  options: [
    .choice(
      "output", ["default", "json"], "a table, or JSON", preset: "default", aliases: ["o"]),
    QueryOptions.quiet,
  ] + QueryOptions.server,
  run: { arguments, surroundings in
    let answer = try await ServerConnection(arguments).json(path)
    guard try arguments.required("output") == "default" else {
      surroundings.output.write(indented(answer) + "\n")
      return .success
    }
    func time(_ value: JSONValue?) -> String {
      guard let seconds = value?.doubleValue, abs(seconds) < 9e9 else { return "" }
      return GoTimeLayout.rfc3339.format(ZonedTime(Timestamp(seconds: Int64(seconds))))
    }
    var rows = [["ID", "STATUS", "CREATED", "FROM", "TO", "QUERY"]]
    for request in answer.arrayValue ?? [] {
      rows.append([
        terminalSafe(request["request_id"]?.stringValue ?? ""),
        terminalSafe(request["status"]?.stringValue ?? ""), time(request["created_at"]),
        time(request["start_time"]), time(request["end_time"]),
        terminalSafe(request["query"]?.stringValue ?? ""),
      ])
    }
    if rows.count > 1 { surroundings.output.write(columns(rows)) }
    return .success
  })

private let deleteCancelCommand = Command(
  name: "cancel", summary: "Take a request back.",
  notes: "Example: sluice delete cancel 5f0b2c1d",
  positional: "ID",
  options: [
    .value("request-id", "ID", "the request, as logcli takes it"),
    .flag("force", "also when a part of it is done"),
    QueryOptions.quiet,
  ] + QueryOptions.server,
  run: { arguments, surroundings in
    guard let id = arguments.positional.first ?? arguments["request-id"],
      arguments.positional.count <= 1
    else { throw UsageError(message: "the request's id is needed") }
    var fields = [("request_id", id)]
    if arguments.has("force") { fields.append(("force", "true")) }
    _ = try await ServerConnection(arguments).delete(path, fields)
    if !arguments.has("quiet") { surroundings.errors.write("taken back\n") }
    return .success
  })
