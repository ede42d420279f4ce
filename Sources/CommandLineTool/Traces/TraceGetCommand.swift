import TelemetryModel
import TraceFormats
import WireFormats

/// `sluice traces get`: a trace as a waterfall or a document, with its log lines.
let traceGetCommand = Command(
  name: "get", summary: "Show one trace as a waterfall, with its log lines if wanted.",
  notes: """
    Bars are full where a span is on the trace's critical path: had it been shorter there, the trace
    would have been shorter.
    --logs asks Loki's API for lines that name the trace, in structured metadata or in their text.
    """,
  positional: "TRACE-ID",
  options: [
    .value("output", "FORM", "tree, otlp, jaeger or zipkin", preset: "tree", aliases: ["o"]),
    .flag("adjust-clock-skew", "move spans of hosts whose clocks are off into their parents"),
    .flag("logs", "show the log lines of the trace too"),
    .value(
      "logs-addr", "URL", "the server's Loki address", preset: "http://127.0.0.1:3100",
      environment: "LOKI_ADDR"),
    .value("logs-selector", "SELECTOR", "streams to look for lines in", preset: "{job=~\".+\"}"),
    .value("logs-limit", "N", "lines at most", preset: "100"),
  ] + TraceOptions.server,
  run: { arguments, surroundings in
    guard arguments.positional.count == 1, let id = arguments.positional.first else {
      throw UsageError(message: "one trace id is needed")
    }
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
    if arguments.has("logs") { try await showLogs(of: trace, arguments, surroundings) }
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
  of trace: [ResourceSpans], _ arguments: Arguments, _ surroundings: Surroundings
) async throws {
  guard let id = trace.first?.scopes.first?.spans.first?.traceID else { return }
  let spans = trace.flatMap { $0.scopes.flatMap(\.spans) }
  let start = (spans.map(\.start).min() ?? .zero) - .minutes(5)
  let end = (spans.map(\.end).max() ?? .zero) + .minutes(5)
  let selector = try arguments.required("logs-selector")
  let connection = try ServerConnection(arguments, address: "logs-addr")
  // In structured metadata, or anywhere in the line; a line is shown once.
  let queries = [
    "\(selector) | trace_id=\"\(id.hex)\" or traceID=\"\(id.hex)\" or traceId=\"\(id.hex)\"",
    "\(selector) |= \"\(id.hex)\"",
  ]
  struct Line: Hashable {
    var time: Int64
    var stream: String
    var text: String
  }
  var lines: Set<Line> = []
  for query in queries {
    let answer = try await connection.json(
      "/loki/api/v1/query_range",
      [
        ("query", query), ("start", "\(start.nanoseconds)"), ("end", "\(end.nanoseconds)"),
        ("limit", "\(try arguments.count("logs-limit", least: 1))"), ("direction", "forward"),
      ])
    for stream in answer["data"]?["result"]?.arrayValue ?? [] {
      let labels = (stream["stream"]?.members ?? []).map {
        "\($0.key)=\"\($0.value.stringValue ?? "")\""
      }
      let name = "{" + labels.joined(separator: ", ") + "}"
      for value in stream["values"]?.arrayValue ?? [] {
        guard let time = value[0]?.stringValue.flatMap({ Int64($0) }) else { continue }
        lines.insert(Line(time: time, stream: name, text: value[1]?.stringValue ?? ""))
      }
    }
  }
  let painter = Painter(surroundings.output, environment: surroundings.environment)
  surroundings.output.write(
    "\n\(lines.count) log line\(lines.count == 1 ? "" : "s") of this trace\n")
  for line in lines.sorted(by: { ($0.time, $0.stream, $0.text) < ($1.time, $1.stream, $1.text) }) {
    let time = RFC3339.format(Timestamp(nanoseconds: line.time))
    surroundings.output.write(
      painter.paint(time, .dim) + " " + painter.paint(terminalSafe(line.stream), .blue) + " "
        + terminalSafe(line.text) + "\n")
  }
}
