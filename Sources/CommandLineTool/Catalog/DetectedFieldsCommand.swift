import TelemetryModel
import WireFormats

/// `sluice detected-fields`: what can be taken out of lines.
let detectedFieldsCommand = Command(
  name: "detected-fields", summary: "List the fields found in lines, or the values of one.",
  notes: """
    Examples:
      sluice detected-fields '{job="worker"}'
      sluice detected-fields '{job="worker"}' queue
    """,
  positional: "QUERY [FIELD]",
  options: [
    .value("limit", "N", "fields, or values, at most", preset: "100"),
    .value("line-limit", "N", "lines to look into", preset: "1000"),
    .value("step", "TIME", "of no meaning here; sent as logcli does", preset: "10s"),
    .choice(
      "output", ["default", "json"], "one a line, or JSON", preset: "default", aliases: ["o"]),
    QueryOptions.quiet,
  ] + QueryOptions.range + QueryOptions.server,
  run: { arguments, surroundings in
    guard (1...2).contains(arguments.positional.count) else {
      throw UsageError(message: "a query is needed, and the name of a field at most")
    }
    let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
    let fields =
      [
        ("query", arguments.positional[0]), ("limit", "\(try arguments.count("limit"))"),
        ("line_limit", "\(try arguments.count("line-limit"))"),
        ("step", try arguments.required("step")),
      ] + range.fields
    let connection = try ServerConnection(arguments)
    if arguments.positional.count == 2 {
      let name = percentEncoded(arguments.positional[1])
      let answer = try await connection.json("/loki/api/v1/detected_field/\(name)/values", fields)
      let values = (answer["values"]?.arrayValue ?? []).compactMap(\.stringValue)
      try writeList(values.sorted(), arguments, surroundings)
      return .success
    }
    let answer = try await connection.json("/loki/api/v1/detected_fields", fields)
    guard try arguments.required("output") == "default" else {
      var json = JSONWriter()
      json.value(answer["fields"] ?? .array([]))
      surroundings.output.write(json.bytes + [UInt8(ascii: "\n")])
      return .success
    }
    let found = (answer["fields"]?.arrayValue ?? []).sorted {
      $0["label"]?.stringValue ?? "" < $1["label"]?.stringValue ?? ""
    }
    for field in found {
      let name = terminalSafe(field["label"]?.stringValue ?? "")
      let type = terminalSafe(field["type"]?.stringValue ?? "")
      let count = field["cardinality"]?.intValue ?? 0
      surroundings.output.write("label: \(name)\t\ttype: \(type)\t\tcardinality: \(count)\n")
    }
    return .success
  })
