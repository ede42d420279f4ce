import TelemetryModel
import TraceFormats
import WireFormats

/// `sluice traces`: find, show, export and import traces.
let tracesCommand = Command(
  name: "traces", summary: "Find, show, export and import traces.",
  subcommands: [
    traceSearchCommand, traceGetCommand, traceExportCommand, traceImportCommand,
    traceServicesCommand, traceOperationsCommand, traceDependenciesCommand,
  ])

/// Options that several of the commands share.
enum TraceOptions {
  static let server: [Option] =
    [
      .value(
        "addr", "URL", "the server's Jaeger query address", preset: "http://127.0.0.1:16686",
        environment: "SLUICE_TRACES_ADDR")
    ] + QueryOptions.server.filter { $0.name != "addr" }

  static let conditions: [Option] = [
    .value("service", "NAME", "of this service"),
    .value("operation", "NAME", "with a span of this name"),
    .value("tag", "KEY=VALUE", "with this tag", isRepeatable: true),
    .value("min-duration", "TIME", "with a span at least so long"),
    .value("max-duration", "TIME", "with a span at most so long"),
    .value(
      "query", "TRACEQL", "with spans that meet this: `{ … }` or what stands between braces",
      aliases: ["q"]),
  ]

  /// The parameters of `/api/v3/traces` for the conditions and a range.
  static func fields(_ arguments: Arguments, _ range: QueryRange) throws -> [(String, String)] {
    var fields = [
      ("query.start_time_min", RFC3339.format(range.start)),
      ("query.start_time_max", RFC3339.format(range.end)),
    ]
    let plain = [
      ("service", "query.service_name"), ("operation", "query.operation_name"),
      ("query", "query.filter"),
    ]
    for (option, field) in plain {
      if let text = arguments[option] { fields.append((field, text)) }
    }
    for (option, field) in [
      ("min-duration", "query.duration_min"), ("max-duration", "query.duration_max"),
    ] {
      guard let text = arguments[option] else { continue }
      fields.append((field, "\(try parseTimeSpan(text).nanoseconds)ns"))
    }
    var tags = JSONWriter()
    tags.beginObject()
    for tag in arguments.all("tag") {
      guard let equal = tag.firstIndex(of: "=") else {
        throw UsageError(message: "--tag '\(tag)' is not KEY=VALUE")
      }
      tags.key(String(tag[..<equal]))
      tags.string(String(tag[tag.index(after: equal)...]))
    }
    tags.endObject()
    if !arguments.all("tag").isEmpty {
      fields.append(("query.attributes", String(decoding: tags.bytes, as: UTF8.self)))
    }
    return fields
  }
}

private let traceServicesCommand = Command(
  name: "services", summary: "List the services that have spans.",
  notes: "Example: sluice traces services --addr http://127.0.0.1:16686",
  options: TraceOptions.server,
  run: { arguments, surroundings in
    let connection = try ServerConnection(arguments)
    let answer = try await connection.json("/api/v3/services")
    let names = (answer["services"]?.arrayValue ?? []).compactMap(\.stringValue)
    for name in names { surroundings.output.write(terminalSafe(name) + "\n") }
    return .success
  })

private let traceOperationsCommand = Command(
  name: "operations", summary: "List the names and kinds of a service's spans.",
  notes: "Example: sluice traces operations --service gateway --kind server",
  options: [
    .value("service", "NAME", "of this service"),
    .value("kind", "KIND", "server, client, producer, consumer or internal"),
  ] + TraceOptions.server,
  run: { arguments, surroundings in
    let connection = try ServerConnection(arguments)
    var fields = [("service", try arguments.required("service"))]
    if let kind = arguments["kind"] { fields.append(("span_kind", kind)) }
    let answer = try await connection.json("/api/v3/operations", fields)
    let operations = answer["operations"]?.arrayValue ?? []
    for operation in operations {
      let kind = operation["spanKind"]?.stringValue ?? ""
      let name = terminalSafe(operation["name"]?.stringValue ?? "")
      surroundings.output.write(
        kind.isEmpty ? name + "\n" : "\(name) (\(terminalSafe(kind)))\n")
    }
    return .success
  })

private let traceDependenciesCommand = Command(
  name: "dependencies", summary: "List which service called which, and how often.",
  notes: "Example: sluice traces dependencies --since 7d --service gateway",
  options: [.value("service", "NAME", "only calls from or to this service")]
    + QueryOptions.range.map { option in
      guard option.name == "since" else { return option }
      return .value("since", "TIME", "how far back to look", preset: "24h")
    } + TraceOptions.server,
  run: { arguments, surroundings in
    let connection = try ServerConnection(arguments)
    let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
    var fields = [
      ("endTs", "\(range.end.nanoseconds / 1_000_000)"),
      ("lookback", "\((range.end - range.start).nanoseconds / 1_000_000)"),
    ]
    if let service = arguments["service"] { fields.append(("service", service)) }
    let links = try await connection.json("/api/dependencies", fields)["data"]?.arrayValue ?? []
    for link in links {
      let parent = terminalSafe(link["parent"]?.stringValue ?? "")
      let child = terminalSafe(link["child"]?.stringValue ?? "")
      surroundings.output.write("\(parent) -> \(child): \(link["callCount"]?.intValue ?? 0)\n")
    }
    return .success
  })
