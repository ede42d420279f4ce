import TelemetryModel
import WireFormats

/// `sluice labels`: the names, or one name's values.
let labelsCommand = Command(
  name: "labels", summary: "List label names, or the values of one.",
  notes: """
    Examples:
      sluice labels
      sluice labels --since 24h job
      sluice labels --query '{job="auth"}' host
    """,
  positional: "[NAME]",
  options: [
    .value("query", "SELECTOR", "only of streams that match, {job=\"auth\"} say"),
    .choice(
      "output", ["default", "json"], "one a line, or an array", preset: "default", aliases: ["o"]),
    QueryOptions.quiet,
  ] + QueryOptions.range + QueryOptions.server,
  run: { arguments, surroundings in
    let connection = try ServerConnection(arguments)
    let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
    var fields = range.fields
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

/// Writes names one a line, escaped for a terminal, or as a JSON array.
func writeList(_ names: [String], _ arguments: Arguments, _ surroundings: Surroundings) throws {
  switch try arguments.required("output") {
  case "json":
    var json = JSONWriter()
    json.beginArray()
    for name in names { json.string(name) }
    json.endArray()
    surroundings.output.write(json.bytes + [UInt8(ascii: "\n")])
  default:
    surroundings.output.write(names.map { terminalSafe($0) + "\n" }.joined())
  }
}
