import LinuxIO
import TelemetryModel
import WireFormats

/// `sluice tail`: lines as they come.
let tailCommand = Command(
  name: "tail", summary: "Show lines as they come.",
  notes: """
    Examples:
      sluice tail '{job="auth"} |= "Failed password"'
      sluice tail --delay-for 5 -o raw '{unit="nginx.service"}'
    It begins with the last --limit lines since --since, and ends with Ctrl-C. The server is asked
    again every second; lines that come up to 30 seconds late are shown too, once.
    """,
  positional: "QUERY",
  options: [
    .value("limit", "N", "lines to begin with", preset: "10", aliases: ["n"]),
    .value(
      "delay-for", "SECONDS", "wait so long for late lines, to show them in order",
      preset: "0"),
    .value("output", "FORM", "default, raw or jsonl", preset: "default", aliases: ["o"]),
    .flag("no-labels", "do not show the labels of lines"),
    .value("since", "TIME", "how far back to begin", preset: "1h"),
  ] + QueryOptions.server,
  run: runTail)

@Sendable private func runTail(_ arguments: Arguments, _ surroundings: Surroundings) async throws
  -> ExitStatus
{
  guard arguments.positional.count == 1, let query = arguments.positional.first else {
    throw UsageError(message: "one LogQL query is needed, in quotes")
  }
  guard let form = QueryOutput.Form(rawValue: try arguments.required("output")) else {
    throw UsageError(message: "--output is one of default, raw, jsonl")
  }
  let output = QueryOutput(
    form: form, showsLabels: !arguments.has("no-labels"), isQuiet: true, isForward: true,
    surroundings: surroundings)
  var follower = LineFollower(
    connection: try ServerConnection(arguments), query: query,
    delay: .seconds(Int64(try arguments.count("delay-for", least: 0))), now: surroundings.now)
  let since = try parseTimeSpan(try arguments.required("since"))
  for row in try await follower.begin(
    since: since, limit: try arguments.count("limit", least: 0))
  {
    output.write(row, without: [])
  }
  let loop = try EventLoop.shared.get()[0]
  while true {
    do { try await loop.sleep(seconds: 1) } catch { return .success }
    for row in try await follower.next() { output.write(row, without: []) }
  }
}

/// Asks for what is new, again and again, and gives each line once.
struct LineFollower {
  /// How late a line may come and still be shown.
  static let lateSpan = TimeSpan.seconds(30)
  private static let pageLines = 5000

  let connection: ServerConnection
  let query: String
  let delay: TimeSpan
  let now: @Sendable () -> Int64
  /// Lines of the last ``lateSpan``, which are asked for again.
  private var seen: Set<QueryOutput.Row> = []
  private var start = Timestamp(nanoseconds: 0)

  init(
    connection: ServerConnection, query: String, delay: TimeSpan,
    now: @escaping @Sendable () -> Int64
  ) {
    self.connection = connection
    self.query = query
    self.delay = delay
    self.now = now
  }

  private var edge: Timestamp { Timestamp(nanoseconds: now()) - delay }

  /// The newest lines, the oldest of them first.
  mutating func begin(since: TimeSpan, limit: Int) async throws -> [QueryOutput.Row] {
    let end = edge
    start = end - Self.lateSpan
    let newest = try await rows(
      from: end - since, to: end, limit: max(1, limit), direction: "backward")
    // What is there already and not among them is not new either.
    seen = Set(
      try await rows(from: start, to: end, limit: Self.pageLines, direction: "backward"))
    seen.formUnion(newest)
    return limit == 0 ? [] : newest
  }

  /// What came since, in the order of time.
  mutating func next() async throws -> [QueryOutput.Row] {
    var fresh: [QueryOutput.Row] = []
    let end = edge
    var from = start
    while from < end {
      let page = try await rows(
        from: from, to: end, limit: Self.pageLines, direction: "forward")
      for row in page where seen.insert(row).inserted { fresh.append(row) }
      guard page.count >= Self.pageLines, let last = page.last, last.nanoseconds > from.nanoseconds
      else { break }
      from = Timestamp(nanoseconds: last.nanoseconds)
    }
    start = max(start, end - Self.lateSpan)
    seen = seen.filter { $0.nanoseconds >= start.nanoseconds }
    return fresh.sorted { $0.nanoseconds < $1.nanoseconds }
  }

  private func rows(from: Timestamp, to: Timestamp, limit: Int, direction: String)
    async throws -> [QueryOutput.Row]
  {
    let answer = try await connection.json(
      "/loki/api/v1/query_range",
      [
        ("query", query), ("limit", "\(limit)"), ("direction", direction),
        ("start", "\(from.nanoseconds)"), ("end", "\(to.nanoseconds)"),
      ])
    guard answer["data"]?["resultType"]?.stringValue == "streams" else {
      throw CommandFailure(message: "only log queries can be followed")
    }
    return QueryOutput.rows(of: answer["data"]?["result"]?.arrayValue ?? [], isForward: true)
  }
}
