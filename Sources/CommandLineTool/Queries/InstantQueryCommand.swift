import TelemetryModel
import WireFormats

/// `sluice instant-query`: a metric query at one moment.
let instantQueryCommand = Command(
  name: "instant-query", summary: "Evaluate a metric query at one moment.",
  notes: """
    Examples:
      sluice instant-query 'topk(5, sum by (component) (count_over_time({job="cam-os"}[1h])))'
      sluice instant-query --now 2026-11-21T06:00:00Z -o csv 'sum by (app) (rate({env="prod"}[5m]))'
      sluice instant-query --stdin 'sum(count_over_time({a="b"} |= "error" [1h]))' < app.log
    """,
  positional: "QUERY",
  options: [
    .value("now", "WHEN", "the moment: RFC 3339 or seconds since 1970"),
    .value("limit", "N", "of no meaning for samples; sent as logcli does", preset: "30"),
    .flag("stats", "tell on stderr what the answer cost"),
    .flag("stdin", "ask of the lines of standard input"),
    .flag("line-times", "with --stdin: lines have the times written in them"),
  ] + QueryOptions.output + QueryOptions.server,
  run: { arguments, surroundings in
    guard arguments.positional.count == 1, let query = arguments.positional.first else {
      throw UsageError(message: "one LogQL query is needed, in quotes")
    }
    var moment = Timestamp(nanoseconds: surroundings.now())
    if let text = arguments["now"] { moment = try parseMoment(text) }
    guard arguments.has("stdin") else {
      return try await instantQuery(
        query, at: moment, arguments, surroundings, try ServerConnection(arguments))
    }
    let lines = try await StandardInputLogs(
      query, hasOwnTimes: arguments.has("line-times"), now: surroundings.now)
    if arguments["now"] == nil { moment = lines.span?.end ?? moment }
    return try await instantQuery(lines.query, at: moment, arguments, surroundings, lines)
  })

/// Asks at one moment and writes the samples.
func instantQuery(
  _ query: String, at moment: Timestamp, _ arguments: Arguments, _ surroundings: Surroundings,
  _ answers: any LogAnswers
) async throws -> ExitStatus {
  let style = try OutputStyle(arguments, surroundings)
  let answer = try await WatchedAnswers(answers, surroundings).json(
    "/loki/api/v1/query",
    [
      ("query", query), ("limit", "\(try arguments.count("limit"))"), ("direction", "BACKWARD"),
      ("time", "\(moment.nanoseconds)"),
    ])
  guard let kind = answer["data"]?["resultType"]?.stringValue,
    let result = answer["data"]?["result"]
  else { throw CommandFailure(message: "the server's answer has no data.resultType") }
  try SampleOutput(style: style, output: surroundings.output).write(kind, result)
  var statistics = QueryStatistics()
  statistics.add(answer)
  statistics.tellWarnings(surroundings)
  if arguments.has("stats") { surroundings.errors.write(statistics.text) }
  return .success
}
