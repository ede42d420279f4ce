import WireFormats

/// `sluice agent report`: whether every line that an agent read is somewhere.
let agentReportCommand = Command(
  name: "report", summary: "Show what became of every line that a running agent read.",
  notes: """
    For each source: lines read = dropped + merged into blocks + held back + passed on, and lines in
    the queue = acknowledged + lost + damaged + waiting. For each client: lines queued = handled +
    waiting, and lines acknowledged = stored, as the server itself counts them in each answer
    (Sluice's does so; STORED is empty for others).
    Counts are of this run of the agent. It ends with status 1 when something does not add up.
    Example: sluice agent report --agent http://127.0.0.1:9080
    """,
  options: [
    .value("agent", "URL", "the agent's own address", preset: "http://127.0.0.1:9080"),
    .flag("json", "the figures as JSON, as /targets has them"),
    .value("timeout", "TIME", "how long to wait for the answer", preset: "10s"),
  ],
  run: { arguments, surroundings in
    let connection = try ServerConnection(arguments, address: "agent")
    if arguments.has("json") {
      surroundings.output.write(try await connection.get("/targets", []))
      return .success
    }
    let report = AgentReport(try await connection.json("/targets"))
    for line in report.lines { surroundings.output.write(line + "\n") }
    return report.addsUp ? .success : .failure
  })

/// The accounts of `/targets` as a table.
struct AgentReport {
  private(set) var lines: [String] = []
  private(set) var addsUp = true

  init(_ targets: JSONValue) {
    var rows = [
      [
        "SOURCE", "READ", "ADDED", "DROPPED", "MERGED", "HELD", "PASSED", "QUEUED", "ACKED", "LOST",
        "DAMAGED", "",
      ]
    ]
    let figures = [
      "read_lines", "added_lines", "dropped_lines", "merged_lines", "held_lines", "passed_lines",
      "queued_lines", "acknowledged_lines", "lost_lines",
      "damaged_lines",
    ]
    var sums = [UInt64](repeating: 0, count: figures.count)
    for source in targets["sources"].items {
      let isGood = source["adds_up"] == .bool(true)
      if !isGood { addsUp = false }
      let values = figures.map { source[$0].count }
      for index in values.indices { sums[index] += values[index] }
      let name = source["name"].text
      rows.append(
        ["\(source["job"].text) \(source["kind"].text)\(name.isEmpty ? "" : " \(name)")"]
          + values.map(String.init) + [isGood ? "ok" : "DOES NOT ADD UP"])
    }
    rows.append(["all sources"] + sums.map(String.init) + [""])
    lines += Self.table(rows)
    let drops = targets["drops"].items
    if !drops.isEmpty {
      lines += [""]
      lines += Self.table(
        [["DROPPED BY", "REASON", "LINES", "BYTES"]]
          + drops.map {
            [$0["job"].text, $0["reason"].text, "\($0["lines"].count)", "\($0["bytes"].count)"]
          })
    }
    lines += [""]
    var clients = [
      ["CLIENT", "QUEUED", "ACKED", "STORED", "SET ASIDE", "LOST", "DAMAGED", "WAITING", ""]
    ]
    for client in targets["clients"].items {
      let isGood =
        client["queued_lines"].count
        == client["handled_lines"].count + client["waiting_lines"].count
        && client["unstored_lines"].count == 0
      let stored = client["stored_lines"].count
      if !isGood { addsUp = false }
      clients.append(
        [client["name"].text]
          + ["queued_lines", "acknowledged_lines"].map { "\(client[$0].count)" }
          + [stored > 0 ? "\(stored)" : ""]
          + ["rejected_lines", "lost_lines", "damaged_lines", "waiting_lines"].map {
            "\(client[$0].count)"
          }
          + [isGood ? "ok" : "DOES NOT ADD UP"])
    }
    lines += Self.table(clients)
  }

  /// Columns apart by two blanks; all but the first to the right.
  private static func table(_ rows: [[String]]) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { index, cell in
        let filling = String(repeating: " ", count: widths[index] - cell.count)
        return index == 0 ? cell + filling : filling + cell
      }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }
}

extension JSONValue {
  /// A member, or null.
  fileprivate subscript(_ key: String) -> JSONValue {
    guard case .object(let members) = self else { return .null }
    return members.first { $0.key == key }?.value ?? .null
  }
  fileprivate var items: [JSONValue] { if case .array(let items) = self { items } else { [] } }
  fileprivate var text: String { if case .string(let text) = self { text } else { "" } }
  fileprivate var count: UInt64 {
    if case .number(let text) = self { UInt64(text) ?? 0 } else { 0 }
  }
}
