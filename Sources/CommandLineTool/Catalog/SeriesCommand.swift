import TelemetryModel
import WireFormats

/// `sluice series`: the label sets of the streams that match.
let seriesCommand = Command(
  name: "series", summary: "List the streams that selectors match.",
  notes: """
    Examples:
      sluice series '{job="auth"}'
      sluice series --analyze-labels '{}'     which labels make many streams
    """,
  positional: "[SELECTOR]...",
  options: [
    .flag("analyze-labels", "for each label: how many values it has, and in how many streams"),
    .choice(
      "output", ["default", "json"], "one a line, or an array", preset: "default", aliases: ["o"]),
    QueryOptions.quiet,
  ] + QueryOptions.range + QueryOptions.server,
  run: { arguments, surroundings in
    let connection = try ServerConnection(arguments)
    let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
    let selectors = arguments.positional.isEmpty ? ["{}"] : arguments.positional
    let answer = try await connection.json(
      "/loki/api/v1/series", selectors.map { ("match", $0) } + range.fields)
    let sets = (answer["data"]?.arrayValue ?? []).map { Labels(json: $0) }
    if arguments.has("analyze-labels") {
      surroundings.output.write(labelAnalysis(sets))
    } else {
      try writeList(sets.map(\.description).sorted(), arguments, surroundings)
    }
    return .success
  })

/// A table as logcli's: labels with the most values first.
func labelAnalysis(_ sets: [Labels]) -> String {
  var values: [String: Set<String>] = [:]
  var streams: [String: Int] = [:]
  for label in sets.flatMap(\.sorted) {
    values[label.name, default: []].insert(label.value)
    streams[label.name, default: 0] += 1
  }
  var rows = [["Label Name", "Unique Values", "Found In Streams"]]
  let names = values.sorted { a, b in
    a.value.count == b.value.count ? a.key < b.key : a.value.count > b.value.count
  }
  for (name, values) in names {
    rows.append([terminalSafe(name), "\(values.count)", "\(streams[name] ?? 0)"])
  }
  let heads = [["Total Streams:", "\(sets.count)"], ["Unique Labels:", "\(values.count)"]]
  return columns(heads) + "\n" + columns(rows)
}

/// Rows whose fields stand below each other, two blanks between them.
func columns(_ rows: [[String]]) -> String {
  var widths: [Int] = []
  for row in rows {
    for (index, field) in row.enumerated() {
      if index == widths.count { widths.append(0) }
      widths[index] = max(widths[index], field.count)
    }
  }
  return rows.map { row in
    row.enumerated().map { index, field in
      index == row.count - 1
        ? field : field + String(repeating: " ", count: widths[index] - field.count)
    }.joined(separator: "  ") + "\n"
  }.joined()
}
