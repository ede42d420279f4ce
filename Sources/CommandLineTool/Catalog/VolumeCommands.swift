import TelemetryModel
import WireFormats

/// `sluice stats`: how much there is, by the index.
let statsCommand = Command(
  name: "stats", summary: "Tell how many streams, chunks, lines and bytes a selector matches.",
  notes: """
    What is still in memory alone does not count, as in Loki.
    Example: sluice stats --since 24h '{job="auth"}'
    """,
  positional: "SELECTOR",
  options: [
    .choice(
      "output", ["default", "json"], "as logcli, or a JSON object", preset: "default",
      aliases: ["o"]), QueryOptions.quiet,
  ] + QueryOptions.range + QueryOptions.server,
  run: { arguments, surroundings in
    let answer = try await index("stats", arguments, surroundings, [])
    func count(_ name: String) -> Int64 { answer[name]?.intValue ?? 0 }
    if count("chunks") == 0, !arguments.has("quiet") {
      surroundings.errors.write(
        "sluice: lines still in memory alone are not counted; `curl -X POST ADDRESS/flush` "
          + "writes them down\n")
    }
    if try arguments.required("output") == "json" {
      var json = JSONWriter()
      json.value(answer)
      surroundings.output.write(json.bytes + [UInt8(ascii: "\n")])
      return .success
    }
    surroundings.output.write(
      """
      {
        bytes: \(shortSize(count("bytes")))
        chunks: \(count("chunks"))
        streams: \(count("streams"))
        entries: \(count("entries"))
      }

      """)
    return .success
  })

/// Bytes as `stats` tells them: `0B`, `54B`, `1.9kB`, `28MB`; of ten and more without a fraction.
func shortSize(_ bytes: Int64) -> String {
  var value = Double(bytes)
  var unit = "B"
  for next in ["kB", "MB", "GB", "TB", "PB"] where value >= 1000 {
    value /= 1000
    unit = next
  }
  guard unit != "B", value < 9.95 else { return "\(Int(value.rounded()))\(unit)" }
  return "\((value * 10).rounded() / 10)\(unit)"
}

private let volumeOptions: [Option] = [
  .value("limit", "N", "the N largest", preset: "30"),
  .value(
    "targetLabels", "NAMES", "sum by these labels, commas between them",
    aliases: ["target-labels"]),
  .flag(
    "aggregateByLabels", "sum by label names instead of series", aliases: ["aggregate-by-labels"]),
]

/// `sluice volume`: bytes by stream or by label.
let volumeCommand = Command(
  name: "volume", summary: "Tell how many bytes streams or labels have.",
  notes: """
    Examples:
      sluice volume --since 24h '{job=~".+"}'
      sluice volume --targetLabels host,job '{job=~".+"}'
    """,
  positional: "SELECTOR",
  options: volumeOptions + QueryOptions.output + QueryOptions.range + QueryOptions.server,
  run: { arguments, surroundings in
    try await volume("volume", arguments, surroundings)
  })

/// `sluice volume-range`: the same over time.
let volumeRangeCommand = Command(
  name: "volume-range", summary: "Tell how many bytes streams or labels have, step by step.",
  aliases: ["volume_range"],
  notes: "Example: sluice volume-range --since 24h --step 1h '{job=~\".+\"}'",
  positional: "SELECTOR",
  options: [.value("step", "TIME", "between the sums")] + volumeOptions + QueryOptions.output
    + QueryOptions.range + QueryOptions.server,
  run: { arguments, surroundings in
    try await volume("volume_range", arguments, surroundings)
  })

@Sendable private func volume(
  _ path: String, _ arguments: Arguments, _ surroundings: Surroundings
) async throws -> ExitStatus {
  let style = try OutputStyle(arguments, surroundings)
  var fields = [("limit", "\(try arguments.count("limit", least: 1))")]
  if let names = arguments["targetLabels"] { fields.append(("targetLabels", names)) }
  if arguments.has("aggregateByLabels") { fields.append(("aggregateBy", "labels")) }
  if let step = arguments["step"] {
    fields.append(("step", secondsText(try parseTimeSpan(step))))
  }
  let answer = try await index(path, arguments, surroundings, fields)
  guard let kind = answer["data"]?["resultType"]?.stringValue,
    let result = answer["data"]?["result"]
  else { throw CommandFailure(message: "the server's answer has no data.resultType") }
  try SampleOutput(style: style, output: surroundings.output).write(kind, result)
  return .success
}

/// Asks `/loki/api/v1/index/…` of one selector.
private func index(
  _ path: String, _ arguments: Arguments, _ surroundings: Surroundings,
  _ fields: [(String, String)]
) async throws -> JSONValue {
  guard arguments.positional.count == 1, let selector = arguments.positional.first else {
    throw UsageError(message: "one selector is needed, in quotes: '{job=\"auth\"}'")
  }
  let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
  return try await ServerConnection(arguments).json(
    "/loki/api/v1/index/\(path)", fields + [("query", selector)] + range.fields)
}
