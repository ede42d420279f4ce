import TelemetryModel
import TraceFormats
import WireFormats

/// `sluice traces`: find, show and export what Jaeger's query API serves.
let tracesCommand = Command(
  name: "traces", summary: "Find, show and export traces.",
  subcommands: [traceSearchCommand, traceGetCommand, traceExportCommand])

private let traceServer: [Option] =
  [
    .value(
      "addr", "URL", "the server's Jaeger query address", preset: "http://127.0.0.1:16686",
      environment: "SLUICE_TRACES_ADDR")
  ] + QueryOptions.server.filter { $0.name != "addr" }

private let traceConditions: [Option] = [
  .value("service", "NAME", "of this service"),
  .value("operation", "NAME", "with a span of this name"),
  .value("tag", "KEY=VALUE", "with this tag", isRepeatable: true),
  .value("min-duration", "TIME", "with a span at least so long"),
  .value("max-duration", "TIME", "with a span at most so long"),
  .value("limit", "N", "traces at most", preset: "20", aliases: ["n"]),
]

private let traceSearchCommand = Command(
  name: "search", summary: "List traces, newest first.",
  notes: "Example: sluice traces search --service gateway --min-duration 500ms --tag error=true",
  options: traceConditions + QueryOptions.range + traceServer,
  run: { arguments, surroundings in
    let connection = try ServerConnection(arguments)
    let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
    let answer = try await connection.json("/api/traces", try searchFields(arguments, range))
    let found = answer["data"]?.arrayValue ?? []
    let painter = Painter(surroundings.output, environment: surroundings.environment)
    for trace in found { surroundings.output.write(summary(trace, painter) + "\n") }
    return found.isEmpty ? .notFound : .success
  })

/// Jaeger's search parameters of the options.
private func searchFields(_ arguments: Arguments, _ range: QueryRange) throws -> [(String, String)]
{
  var fields = [
    ("service", try arguments.required("service")),
    ("start", "\(range.start.nanoseconds / 1000)"), ("end", "\(range.end.nanoseconds / 1000)"),
    ("limit", "\(try arguments.count("limit", least: 1))"),
  ]
  if let operation = arguments["operation"] { fields.append(("operation", operation)) }
  for (option, field) in [("min-duration", "minDuration"), ("max-duration", "maxDuration")] {
    guard let text = arguments[option] else { continue }
    fields.append((field, "\(try parseTimeSpan(text).nanoseconds / 1000)us"))
  }
  for tag in arguments.all("tag") {
    guard let equal = tag.firstIndex(of: "=") else {
      throw UsageError(message: "--tag '\(tag)' is not KEY=VALUE")
    }
    fields.append(("tag", tag[..<equal] + ":" + tag[tag.index(after: equal)...]))
  }
  return fields
}

/// One line of a trace: when it began, its id, root, services, spans, length, errors.
private func summary(_ trace: JSONValue, _ painter: Painter) -> String {
  let spans = trace["spans"]?.arrayValue ?? []
  let starts = spans.compactMap { $0["startTime"]?.intValue }
  let ends = spans.compactMap { span -> Int64? in
    guard let start = span["startTime"]?.intValue, let length = span["duration"]?.intValue else {
      return nil
    }
    return start &+ length
  }
  let start = starts.min() ?? 0
  let root = spans.first { $0["references"]?.arrayValue?.isEmpty ?? true } ?? spans.first
  let process = root?["processID"]?.stringValue ?? ""
  let service = trace["processes"]?[process]?["serviceName"]?.stringValue ?? ""
  let services = Set(
    (trace["processes"]?.members ?? []).compactMap { $0.value["serviceName"]?.stringValue })
  let errors = spans.count { span in
    (span["tags"]?.arrayValue ?? []).contains {
      $0["key"]?.stringValue == "error" && $0["value"]?.boolValue == true
    }
  }
  let time = RFC3339.format(Timestamp(nanoseconds: start &* 1000))
  let length = shortTimeSpan(TimeSpan(nanoseconds: ((ends.max() ?? start) &- start) &* 1000))
  var out = painter.paint(time, .dim) + " " + terminalSafe(trace["traceID"]?.stringValue ?? "")
  out += " " + painter.paint(terminalSafe(service), .blue)
  out += ": \(terminalSafe(root?["operationName"]?.stringValue ?? "")) \(length)"
  out += ", \(spans.count) spans in \(services.count) services"
  if errors > 0 { out += ", " + painter.paint("\(errors) with errors", .red) }
  return out
}

private let traceGetCommand = Command(
  name: "get", summary: "Show one trace as a tree.", positional: "TRACE-ID",
  options: [
    .value("output", "FORM", "tree or otlp", preset: "tree", aliases: ["o"])
  ] + traceServer,
  run: { arguments, surroundings in
    guard arguments.positional.count == 1, let id = arguments.positional.first else {
      throw UsageError(message: "one trace id is needed")
    }
    let connection = try ServerConnection(arguments)
    let trace = try await fetchTrace(id, connection)
    switch try arguments.required("output") {
    case "tree":
      let painter = Painter(surroundings.output, environment: surroundings.environment)
      let lines = TraceTree.render(trace, width: surroundings.output.width ?? 100)
      for line in lines {
        surroundings.output.write(
          (line.isError ? painter.paint(line.text, .red) : line.text) + "\n")
      }
    case "otlp":
      surroundings.output.write(TraceExportFormat.otlp.document(trace) + [UInt8(ascii: "\n")])
    default: throw UsageError(message: "--output is tree or otlp")
    }
    return .success
  })

/// A trace as it is stored, without the changes that Jaeger makes for its screen.
private func fetchTrace(_ id: String, _ connection: ServerConnection) async throws
  -> [ResourceSpans]
{
  let body: [UInt8]
  do {
    body = try await connection.get(
      "/api/v3/traces/\(percentEncoded(id))",
      [("query.raw_traces", "true"), ("raw_traces", "true")])
  } catch let failure as CommandFailure where failure.status == .notFound {
    throw CommandFailure(message: "there is no trace \(id)", status: .notFound)
  }
  do {
    return try OTLPTraceJSON.decode(body)
  } catch {
    throw CommandFailure(message: "the server's trace cannot be read: \(error)")
  }
}

private let traceExportCommand = Command(
  name: "export", summary: "Write traces as Jaeger, Zipkin or OTLP JSON.",
  notes: """
    Each trace becomes DIR/TRACEID.FORMAT.json; with --out - the documents go to standard output,
    one a line. Traces are named by --id, or found by --service and the other conditions.
    """,
  options: [
    .value("format", "FORMAT", "jaeger, zipkin or otlp", preset: "jaeger"),
    .value("id", "TRACE-ID", "this trace", isRepeatable: true),
    .value("out", "DIR", "where to write, or - for standard output", preset: "."),
  ] + traceConditions + QueryOptions.range + traceServer,
  run: { arguments, surroundings in
    let name = try arguments.required("format")
    guard let format = TraceExportFormat(rawValue: name) else {
      throw UsageError(message: "--format is jaeger, zipkin or otlp")
    }
    let connection = try ServerConnection(arguments)
    var ids = arguments.all("id")
    if ids.isEmpty {
      let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
      let answer = try await connection.json("/api/traces", try searchFields(arguments, range))
      ids = (answer["data"]?.arrayValue ?? []).compactMap { $0["traceID"]?.stringValue }
    }
    guard !ids.isEmpty else {
      throw CommandFailure(message: "no trace matches", status: .notFound)
    }
    let folder = try arguments.required("out")
    if folder != "-" { try makeFolder(folder) }
    for id in ids {
      let document = format.document(try await fetchTrace(id, connection))
      if folder == "-" {
        surroundings.output.write(document + [UInt8(ascii: "\n")])
      } else {
        let path = "\(folder)/\(fileName(id)).\(name).json"
        try writeFile(path, document)
        surroundings.output.write(terminalSafe(path) + "\n")
      }
    }
    return .success
  })

/// A trace id as a file's name: what the server calls it never leaves the folder.
private func fileName(_ id: String) -> String {
  String(id.unicodeScalars.filter { $0.properties.isASCIIHexDigit }.map(Character.init))
}
