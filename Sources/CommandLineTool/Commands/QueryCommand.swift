import TelemetryModel
import WireFormats

/// `sluice query`: LogQL over a range of time, or at one moment.
let queryCommand = Command(
  name: "query", summary: "Ask a server with LogQL.",
  notes: """
    Examples:
      sluice query '{job="auth"} |= "Failed password"'
      sluice query --since 6h --step 10m 'sum by (level) (rate({job="cam-os"}[10m]))'
      sluice query --instant 'topk(5, sum by (component) (count_over_time({job="cam-os"}[1h])))'
    Lines come oldest last; --forward turns them round. Control characters in lines are shown as
    escapes on a terminal and in the default output.
    """,
  positional: "QUERY",
  options: [
    .flag("instant", "evaluate a metric query at one moment (--to, or now)"),
    .value("limit", "N", "lines to show", preset: "30", aliases: ["n"]),
    .flag("forward", "oldest lines first"),
    .value("step", "TIME", "between the samples of a metric query"),
    .value("output", "FORM", "default, raw or jsonl", preset: "default", aliases: ["o"]),
    .flag("no-labels", "do not show the labels of lines"),
    .flag("quiet", "do not tell the common labels on stderr", aliases: ["q"]),
  ] + QueryOptions.range + QueryOptions.server,
  run: runQuery)

@Sendable private func runQuery(_ arguments: Arguments, _ surroundings: Surroundings) async throws
  -> ExitStatus
{
  guard arguments.positional.count == 1, let query = arguments.positional.first else {
    throw UsageError(message: "one LogQL query is needed, in quotes")
  }
  guard let form = QueryOutput.Form(rawValue: try arguments.required("output")) else {
    throw UsageError(message: "--output is one of default, raw, jsonl")
  }
  let connection = try ServerConnection(arguments)
  let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
  let limit = try arguments.count("limit", least: 1)
  var fields = [("query", query), ("limit", "\(limit)")]
  if arguments.has("instant") {
    fields.append(("time", "\(range.end.nanoseconds)"))
  } else {
    fields += [
      ("start", "\(range.start.nanoseconds)"), ("end", "\(range.end.nanoseconds)"),
      ("direction", arguments.has("forward") ? "forward" : "backward"),
    ]
    if let step = arguments["step"] {
      fields.append(("step", "\(try parseTimeSpan(step).seconds)"))
    }
  }
  let path = "/loki/api/v1/" + (arguments.has("instant") ? "query" : "query_range")
  let id = "sluice-\(surroundings.now())"
  let asked = fields + (surroundings.errors.isTerminal ? [("query_id", id)] : [])
  let answer = try await connection.showingProgress(of: id, on: surroundings.errors) {
    try await connection.json(path, asked)
  }
  let output = QueryOutput(
    form: form, showsLabels: !arguments.has("no-labels"), isQuiet: arguments.has("quiet"),
    isForward: arguments.has("forward"), surroundings: surroundings)
  try output.write(answer)
  return .success
}
