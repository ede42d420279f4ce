import TelemetryModel
import TraceFormats
import WireFormats

/// `sluice traces search`: one line for each trace.
let traceSearchCommand = Command(
  name: "search", summary: "List traces, newest first or longest first.",
  notes: """
    Example: sluice traces search --service gateway --min-duration 500ms --tag error=true
    Example: sluice traces search --query '{ status = error } >> { span.db.system != nil }'
    With more traces than --limit the last line tells the --cursor that goes on.
    """,
  options: TraceOptions.conditions + [
    .value("limit", "N", "traces at most", preset: "20", aliases: ["n"]),
    .value("sort", "ORDER", "newest or duration", preset: "newest"),
    .value("cursor", "TEXT", "where an earlier list ended"),
  ] + QueryOptions.range + TraceOptions.server,
  run: { arguments, surroundings in
    let connection = try ServerConnection(arguments)
    let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
    var fields = try TraceOptions.fields(arguments, range)
    fields.append(("query.search_depth", "\(try arguments.count("limit", least: 1))"))
    fields.append(("query.sort", try arguments.required("sort")))
    fields.append(("query.cursor", arguments["cursor"] ?? ""))
    let answer = try await connection.json("/api/v3/trace-summaries", fields)
    let found = answer["summaries"]?.arrayValue ?? []
    let painter = Painter(surroundings.output, environment: surroundings.environment)
    for trace in found { surroundings.output.write(summary(trace, painter) + "\n") }
    if let cursor = answer["nextCursor"]?.stringValue {
      surroundings.errors.write("more: --cursor \(terminalSafe(cursor))\n")
    }
    return .success
  })

/// One line of a trace: when it began, its id, root, services, spans, length, errors.
private func summary(_ trace: JSONValue, _ painter: Painter) -> String {
  func number(_ name: String) -> Int64 {
    trace[name]?.intValue ?? trace[name]?.stringValue.flatMap { Int64($0) } ?? 0
  }
  let start = number("minStartTimeUnixNano")
  let length = TimeSpan(nanoseconds: number("maxEndTimeUnixNano") &- start)
  let services = trace["services"]?.arrayValue?.count ?? 0
  // A trace whose root did not arrive is told by its first service.
  var service = trace["rootServiceName"]?.stringValue ?? ""
  if service.isEmpty { service = trace["services"]?[0]?["name"]?.stringValue ?? "" }
  let time = RFC3339.format(Timestamp(nanoseconds: start))
  var out = painter.paint(time, .dim) + " " + terminalSafe(trace["traceId"]?.stringValue ?? "")
  out += " " + painter.paint(terminalSafe(service), .blue)
  out += ": \(terminalSafe(trace["rootOperationName"]?.stringValue ?? "")) \(shortTimeSpan(length))"
  out += ", \(number("spanCount")) span\(number("spanCount") == 1 ? "" : "s")"
  out += " in \(services) service\(services == 1 ? "" : "s")"
  let errors = number("errorSpanCount")
  if errors > 0 { out += ", " + painter.paint("\(errors) with errors", .red) }
  return out
}
