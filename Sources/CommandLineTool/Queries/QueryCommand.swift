import TelemetryModel
import WireFormats

/// `sluice query`: LogQL over a range of time.
let queryCommand = Command(
  name: "query", summary: "Ask a server with LogQL.",
  notes: """
    Examples:
      sluice query '{job="auth"} |= "Failed password"'
      sluice query --since 6h --step 10m 'sum by (level) (rate({job="cam-os"}[10m]))'
      sluice query -C 3 '{job="worker"} |= "panic"'
      sluice query --limit 0 --from 2026-11-21T00:00:00Z -o raw '{job="nginx"}' > nginx.log
      sluice query --stdin '|= "error" | logfmt | took > 5s' < app.log
      sluice query --since 720h --parallel-duration 6h --parallel-max-workers 4 \\
        --part-path-prefix ./nginx --merge-parts '{job="nginx"}' > all.log
    Lines come newest first; --forward turns them round. All lines are fetched with --limit 0, a
    page of --batch lines at a time. Control characters in lines are shown as escapes on a terminal.
    -A, -B and -C show neighbours of the line's own stream, whether they match or not, and never
    those that other streams had at that time.
    --stdin asks of standard input instead of a server; the query may then leave out the selector.
    With --part-path-prefix each piece of --parallel-duration is kept in a file of its own,
    PREFIX_FROM_TO.part, and pieces that are there already are not fetched again.
    """,
  positional: "QUERY",
  options: [
    .flag("instant", "evaluate a metric query at one moment (--to, or now)"),
    .flag("tail", "follow new lines, as `sluice tail` does", aliases: ["t", "follow", "f"]),
    .value("delay-for", "SECONDS", "with --tail: wait so long for late lines", preset: "0"),
    .value(
      "limit", "N", "lines to show; 0 for all", preset: "30", aliases: ["n"]),
    .value("batch", "N", "lines to ask for at a time", preset: "1000"),
    .flag("forward", "oldest lines first"),
    .value("step", "TIME", "between the samples of a metric query"),
    .value("interval", "TIME", "of the lines of a stream, one in so long at most"),
    .value("after-context", "N", "lines after each one, of its very stream", aliases: ["A"]),
    .value("before-context", "N", "lines before each one, of its very stream", aliases: ["B"]),
    .value(
      "context", "N", "lines before and after each one, of its very stream", aliases: ["C"]),
    .flag("stats", "tell on stderr what the answer cost"),
    .flag("stdin", "ask of the lines of standard input"),
    .flag("line-times", "with --stdin: lines have the times written in them"),
  ] + ParallelDownload.options + QueryOptions.output + QueryOptions.range + QueryOptions.server,
  run: runQuery)

@Sendable private func runQuery(_ arguments: Arguments, _ surroundings: Surroundings) async throws
  -> ExitStatus
{
  guard arguments.positional.count == 1, let query = arguments.positional.first else {
    throw UsageError(message: "one LogQL query is needed, in quotes")
  }
  let style = try OutputStyle(arguments, surroundings)
  if arguments.has("tail") {
    return try await follow(query, arguments, surroundings)
  }
  let now = Timestamp(nanoseconds: surroundings.now())
  var question = LogQuestion(
    query: query, range: try QueryRange(arguments, now: now, isJudged: false),
    limit: try arguments.count("limit"), batch: try arguments.count("batch", least: 1),
    isForward: arguments.has("forward"),
    interval: try arguments["interval"].map { text throws(UsageError) in
      try parseTimeSpan(text)
    },
    step: try arguments["step"].map { text throws(UsageError) in try parseTimeSpan(text) })
  let answers: any LogAnswers
  if arguments.has("stdin") {
    let lines = try await StandardInputLogs(
      query, hasOwnTimes: arguments.has("line-times"), now: surroundings.now)
    if let span = lines.span, !["since", "from", "to"].contains(where: arguments.isGiven) {
      question.range = span
    }
    question.query = lines.query
    answers = lines
  } else {
    answers = try ServerConnection(arguments)
  }
  if arguments.has("instant") {
    return try await instantQuery(
      question.query, at: question.range.end, arguments, surroundings, answers)
  }
  if let context = try LineContextOptions(arguments) {
    return try await context.run(question, answers, style, surroundings)
  }
  if let parallel = try ParallelDownload(arguments, question) {
    return try await parallel.run(answers, style, surroundings)
  }
  try await question.write(
    from: answers, style, surroundings, showsStatistics: arguments.has("stats"))
  return .success
}

extension LogQuestion {
  /// Asks and writes the answer, with a progress bar on a terminal.
  func write(
    from answers: any LogAnswers, _ style: OutputStyle, _ surroundings: Surroundings,
    showsStatistics: Bool = false
  ) async throws {
    var lines = LineOutput(style, surroundings.output, errors: surroundings.errors)
    var bytes = QueryStatistics()
    let watched = WatchedAnswers(answers, surroundings)
    try await pages(from: watched, tell: { bytes.add($0) }) { page in
      switch page {
      case .lines(let rows, let sets): lines.write(rows, sets: sets)
      case .samples(let kind, let result):
        try SampleOutput(style: style, output: surroundings.output).write(kind, result)
      }
    }
    if !bytes.hasSamples { lines.end() }
    bytes.tellWarnings(surroundings)
    if showsStatistics { surroundings.errors.write(bytes.text) }
  }
}

/// Shows the progress of each question while it is answered.
struct WatchedAnswers: LogAnswers {
  private let answers: any LogAnswers
  private let surroundings: Surroundings

  init(_ answers: any LogAnswers, _ surroundings: Surroundings) {
    self.answers = answers
    self.surroundings = surroundings
  }

  func json(_ path: String, _ query: [(String, String)]) async throws -> JSONValue {
    guard surroundings.errors.isTerminal, let connection = answers as? ServerConnection else {
      return try await answers.json(path, query)
    }
    let id = "sluice-\(surroundings.now())"
    return try await connection.showingProgress(of: id, on: surroundings.errors) {
      try await connection.json(path, query + [("query_id", id)])
    }
  }
}
