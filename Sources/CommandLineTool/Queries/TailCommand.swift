import HTTP
import LinuxIO
import Synchronization
import TelemetryModel
import WireFormats

/// `sluice tail`: lines as they come.
let tailCommand = Command(
  name: "tail", summary: "Show lines as they come.",
  notes: """
    Examples:
      sluice tail '{job="auth"} |= "Failed password"'
      sluice tail --delay-for 5 -o raw '{unit="nginx.service"}'
    It begins with the last --limit lines since --since and ends with Ctrl-C. Over a connection that
    breaks it begins again where it was.
    """,
  positional: "QUERY",
  options: [
    .value("limit", "N", "lines to begin with", preset: "10", aliases: ["n"]),
    .value(
      "delay-for", "SECONDS", "wait so long for late lines, to show them in order; 5 at most",
      preset: "0"),
    .value("since", "TIME", "how far back to begin", preset: "1h"),
    .value("from", "WHEN", "where to begin instead: RFC 3339 or seconds since 1970"),
  ] + QueryOptions.output + QueryOptions.server,
  run: { arguments, surroundings in
    guard arguments.positional.count == 1, let query = arguments.positional.first else {
      throw UsageError(message: "one LogQL query is needed, in quotes")
    }
    return try await follow(query, arguments, surroundings)
  })

/// Shows lines as they come until the server ends it for good.
func follow(_ query: String, _ arguments: Arguments, _ surroundings: Surroundings) async throws
  -> ExitStatus
{
  let style = try OutputStyle(arguments, surroundings)
  guard ![.csv, .json].contains(style.form) else {
    throw UsageError(message: "lines are followed with --output default, raw or jsonl")
  }
  var start = Timestamp(nanoseconds: surroundings.now())
  if let from = arguments["from"] {
    start = try parseMoment(from)
  } else {
    start = start - (try parseTimeSpan(try arguments.required("since")))
  }
  let follower = LineFollower(
    connection: try ServerConnection(arguments), query: query,
    delaySeconds: try arguments.count("delay-for"), limit: try arguments.count("limit"),
    lines: FollowedLines(style, surroundings, start: start))
  return try await follower.run(surroundings)
}

/// What came so far, and where it goes; used by one connection at a time.
private final class FollowedLines: Sendable {
  private struct State {
    var output: LineOutput
    /// The newest moment, and the lines of it that were shown.
    var newest: Timestamp
    var shown: Set<LogRow> = []
  }

  private let state: Mutex<State>
  private let errors: any TextOutput

  init(_ style: OutputStyle, _ surroundings: Surroundings, start: Timestamp) {
    let output = LineOutput(style, surroundings.output, errors: surroundings.errors)
    state = Mutex(State(output: output, newest: start))
    errors = surroundings.errors
  }

  /// Where a connection begins; lines of this moment may come again.
  var start: Timestamp { state.withLock { $0.newest } }

  /// Shows a frame of Loki's tail; false when it is none.
  func take(_ frame: [UInt8], isAgain: Bool) -> Bool {
    guard let answer = try? JSONValue.parse(frame, bytesMax: 1 << 30) else { return false }
    let rows = LogRow.rows(of: answer["streams"]?.arrayValue ?? [], isForward: true)
    state.withLock { state in
      let fresh = isAgain ? rows.filter { !state.shown.contains($0) } : rows
      state.output.write(fresh)
      for row in fresh {
        let moment = Timestamp(nanoseconds: row.nanoseconds)
        if moment > state.newest {
          state.newest = moment
          state.shown = []
        }
        if moment == state.newest { state.shown.insert(row) }
      }
    }
    let dropped = answer["dropped_entries"]?.arrayValue?.count ?? 0
    if dropped > 0 {
      errors.write("sluice: \(dropped) lines or more were left out: this reader is too slow\n")
    }
    return true
  }
}

/// Follows a query over `/loki/api/v1/tail`, over one connection after another.
private struct LineFollower {
  private static let path = "/loki/api/v1/tail"
  /// Lines asked for where a connection broke; the most that Loki gives unless told otherwise.
  private static let resumeLines = 5000
  private static let pauseSecondsMax = 30.0
  /// Loki's words for a metric query, which come when the connection is open already.
  private static let metricRefusal = "only log selector is supported"

  let connection: ServerConnection
  let query: String
  let delaySeconds: Int
  let limit: Int
  let lines: FollowedLines

  func run(_ surroundings: Surroundings) async throws -> ExitStatus {
    let client = WebSocketClient(connection.settings)
    let loop = try EventLoop.shared.get()[0]
    var isAgain = false
    var pauseSeconds = 1.0
    while true {
      let opening = Opening()
      let reason: String
      do {
        let ending = try await client.run(
          connection.base + Self.path + fields(isAgain), headers: connection.headers,
          onOpen: { opening.isDone.store(true, ordering: .releasing) }
        ) { [lines, isAgain] frame in lines.take(frame, isAgain: isAgain) }
        switch ending {
        case .left: return .success
        case .refused(let status, let body):
          // A server that comes up again may refuse for a while.
          guard isAgain, status == 429 || status >= 500 else {
            throw ServerConnection.refusal(status, body, Self.path, isQuestion: true)
          }
          reason = "the server answered \(status)"
        case .closed(_, let words) where words == Self.metricRefusal:
          throw CommandFailure(
            message: "only log queries can be followed, not metric queries such as rate(...)")
        case .closed(let code, let words):
          reason = "the server closed with \(code)" + (words.isEmpty ? "" : ": \(words)")
        }
      } catch let error as HTTPClientError {
        reason = error.message
        guard isAgain || opening.isDone.load(ordering: .acquiring) else {
          throw CommandFailure(message: reason, status: .unreachable)
        }
      }
      if opening.isDone.load(ordering: .acquiring) { pauseSeconds = 1 }
      isAgain = true
      surroundings.errors.write(
        "sluice: \(terminalSafe(reason)); asking again in \(Int(pauseSeconds)) s\n")
      do { try await loop.sleep(seconds: pauseSeconds) } catch { return .success }
      pauseSeconds = min(pauseSeconds * 2, Self.pauseSecondsMax)
    }
  }

  /// Whether a connection came to its first frame.
  private final class Opening: Sendable {
    let isDone = Atomic<Bool>(false)
  }

  private func fields(_ isAgain: Bool) -> String {
    var fields = [
      ("query", query), ("start", "\(lines.start.nanoseconds)"),
      ("limit", "\(isAgain ? Self.resumeLines : limit)"),
    ]
    if delaySeconds > 0 { fields.append(("delay_for", "\(delaySeconds)")) }
    return ServerConnection.text(of: fields)
  }
}
