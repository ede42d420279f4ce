import TelemetryModel
import TraceFormats
import WireFormats

/// `sluice traces get`: a trace as a waterfall or a document, with its log lines.
let traceGetCommand = Command(
  name: "get", summary: "Show one trace as a waterfall, with its log lines if wanted.",
  notes: """
    Bars are full where a span is on the trace's critical path: had it been shorter there, the trace
    would have been shorter.
    Instead of an id a whole log line may be given in quotes: the id in it is taken.
    --logs shows the lines that name the trace, in structured metadata or in their text.
    Examples:
      sluice traces get 61da3d513cab85e1ec563f5792fffdfe
      sluice traces get --logs 'level=error trace_id=61da3d513cab85e1ec563f5792fffdfe msg="x"'
      sluice traces get -o jaeger 61da3d513cab85e1ec563f5792fffdfe > trace.json
    """,
  positional: "TRACE-ID",
  options: [
    .value("output", "FORM", "tree, otlp, jaeger or zipkin", preset: "tree", aliases: ["o"]),
    .flag("adjust-clock-skew", "move spans of hosts whose clocks are off into their parents"),
    .flag("logs", "show the log lines of the trace too"),
    .value(
      "logs-selector", "SELECTOR",
      "streams to look for lines in; all with a service_name or a job"),
    .value("logs-limit", "N", "lines at most", preset: "100"),
  ] + TraceOptions.server,
  run: { arguments, surroundings in
    guard arguments.positional.count == 1, let text = arguments.positional.first else {
      throw UsageError(message: "one trace id is needed, or a log line with one")
    }
    let id = traceID(in: text)?.hex ?? text
    let connection = try ServerConnection(arguments)
    var trace = try await fetchTrace(id, connection)
    if arguments.has("adjust-clock-skew") { trace = ClockSkew.adjust(trace) }
    let form = try arguments.required("output")
    if form == "tree" {
      let painter = Painter(surroundings.output, environment: surroundings.environment)
      let lines = TraceTree.render(trace, width: surroundings.output.width ?? 100)
      for line in lines {
        surroundings.output.write(
          (line.isError ? painter.paint(line.text, .red) : line.text) + "\n")
      }
    } else {
      guard let format = TraceExportFormat(rawValue: form) else {
        throw UsageError(message: "--output is tree, otlp, jaeger or zipkin")
      }
      surroundings.output.write(format.document(trace) + [UInt8(ascii: "\n")])
    }
    if arguments.has("logs") { try await showLogs(of: trace, arguments, connection, surroundings) }
    return .success
  })

/// A trace as it is stored, without the changes that Jaeger makes for its screen.
private func fetchTrace(_ id: String, _ connection: ServerConnection) async throws
  -> [ResourceSpans]
{
  let body: [UInt8]
  do {
    body = try await connection.get(
      "/api/v3/traces/\(percentEncoded(id))", [("raw_traces", "true")])
  } catch let failure as CommandFailure where failure.status == .notFound {
    // Another of the server's addresses knows no such path at all.
    guard failure.message.contains("No traces found") else { throw failure }
    throw CommandFailure(message: "there is no trace \(id)", status: .notFound)
  }
  do {
    return try OTLPTraceJSON.decode(body)
  } catch {
    throw CommandFailure(message: "the server's trace cannot be read: \(error)")
  }
}

/// The lines that name the trace, oldest first.
private func showLogs(
  of trace: [ResourceSpans], _ arguments: Arguments, _ connection: ServerConnection,
  _ surroundings: Surroundings
) async throws {
  guard let id = trace.first?.scopes.first?.spans.first?.traceID else { return }
  var fields = [("limit", "\(try arguments.count("logs-limit", least: 1))")]
  if let selector = arguments["logs-selector"] { fields.append(("selector", selector)) }
  let answer = try await connection.json("/api/traces/\(id.hex)/logs", fields)
  let lines = answer["data"]?.arrayValue ?? []
  let painter = Painter(surroundings.output, environment: surroundings.environment)
  surroundings.output.write(
    "\n\(lines.count) log line\(lines.count == 1 ? "" : "s") of this trace\n")
  for line in lines {
    let nanoseconds = line["timestamp"]?.stringValue.flatMap { Int64($0) } ?? 0
    let labels = (line["stream"]?.members ?? []).map {
      "\($0.key)=\"\($0.value.stringValue ?? "")\""
    }
    let time = RFC3339.format(Timestamp(nanoseconds: nanoseconds))
    let stream = terminalSafe("{" + labels.joined(separator: ", ") + "}")
    let text = terminalSafe(line["line"]?.stringValue ?? "")
    surroundings.output.write(
      painter.paint(time, .dim) + " " + painter.paint(stream, .blue) + " " + text + "\n")
  }
}
