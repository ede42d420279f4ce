import TelemetryModel
import WireFormats

/// `sluice labels`: the names, or one name's values.
let labelsCommand = Command(
  name: "labels", summary: "List label names, or the values of one.",
  positional: "[NAME]",
  options: [
    .value("query", "SELECTOR", "only of streams that match, {job=\"auth\"} say"),
    .value("output", "FORM", "default (one a line) or json", preset: "default", aliases: ["o"]),
  ] + QueryOptions.range + QueryOptions.server,
  run: { arguments, surroundings in
    let connection = try ServerConnection(arguments)
    let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
    var fields = [
      ("start", "\(range.start.nanoseconds)"), ("end", "\(range.end.nanoseconds)"),
    ]
    if let query = arguments["query"] { fields.append(("query", query)) }
    guard arguments.positional.count <= 1 else {
      throw UsageError(message: "one label name at most")
    }
    let path =
      arguments.positional.first.map { "/loki/api/v1/label/\(percentEncoded($0))/values" }
      ?? "/loki/api/v1/labels"
    let answer = try await connection.json(path, fields)
    let names = (answer["data"]?.arrayValue ?? []).compactMap(\.stringValue)
    try writeList(names, arguments, surroundings)
    return .success
  })

/// `sluice series`: the label sets of the streams that match.
let seriesCommand = Command(
  name: "series", summary: "List the streams that selectors match.",
  positional: "[SELECTOR]...",
  options: [
    .value("output", "FORM", "default (one a line) or json", preset: "default", aliases: ["o"])
  ] + QueryOptions.range + QueryOptions.server,
  run: { arguments, surroundings in
    let connection = try ServerConnection(arguments)
    let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
    let fields =
      arguments.positional.map { ("match[]", $0) } + [
        ("start", "\(range.start.nanoseconds)"), ("end", "\(range.end.nanoseconds)"),
      ]
    let answer = try await connection.json("/loki/api/v1/series", fields)
    let sets = (answer["data"]?.arrayValue ?? []).map { QueryOutput.labels($0).description }
    try writeList(sets.sorted(), arguments, surroundings)
    return .success
  })

/// Writes names one a line, escaped for a terminal, or as a JSON array.
func writeList(_ names: [String], _ arguments: Arguments, _ surroundings: Surroundings) throws {
  switch try arguments.required("output") {
  case "default":
    for name in names { surroundings.output.write(terminalSafe(name) + "\n") }
  case "json":
    var json = JSONWriter()
    json.beginArray()
    for name in names { json.string(name) }
    json.endArray()
    surroundings.output.write(json.bytes + [UInt8(ascii: "\n")])
  default: throw UsageError(message: "--output is default or json")
  }
}
