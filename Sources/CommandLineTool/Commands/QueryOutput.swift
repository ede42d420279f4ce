import TelemetryModel
import WireFormats

/// Writes the answer of `query` and `query_range` for people or for programs.
struct QueryOutput {
  enum Form: String {
    /// Time, labels that differ, line.
    case `default`
    /// The line or the value alone, one a row.
    case raw
    /// One JSON object a row.
    case jsonl
  }

  let form: Form
  let showsLabels: Bool
  let isQuiet: Bool
  let isForward: Bool
  let surroundings: Surroundings

  /// - Throws: ``CommandFailure`` when the document is not of Loki's form.
  func write(_ answer: JSONValue) throws {
    guard let data = answer["data"], let kind = data["resultType"]?.stringValue,
      let result = data["result"]
    else { throw CommandFailure(message: "the server's answer has no data.resultType") }
    for warning in answer["warnings"]?.arrayValue ?? [] {
      surroundings.errors.write("warning: \(terminalSafe(warning.stringValue ?? ""))\n")
    }
    switch kind {
    case "streams": writeStreams(result.arrayValue ?? [])
    case "matrix": writeMatrix(result.arrayValue ?? [])
    case "vector": writeVector(result.arrayValue ?? [])
    case "scalar":
      surroundings.output.write((result.arrayValue?.last?.stringValue ?? "") + "\n")
    default: throw CommandFailure(message: "the server answered with unknown type '\(kind)'")
    }
  }

  /// One line of an answer.
  struct Row: Hashable {
    var nanoseconds: Int64
    var labels: Labels
    var line: String
  }

  /// The lines of an answer's streams, in order.
  static func rows(of streams: [JSONValue], isForward: Bool) -> [Row] {
    var rows: [Row] = []
    for stream in streams {
      let labels = Self.labels(stream["stream"])
      for value in stream["values"]?.arrayValue ?? [] {
        guard let pair = value.arrayValue, pair.count >= 2,
          let time = pair[0].stringValue.flatMap(Int64.init), let line = pair[1].stringValue
        else { continue }
        rows.append(Row(nanoseconds: time, labels: labels, line: line))
      }
    }
    // A stable order: of one moment, as the server sent them.
    return rows.enumerated().sorted { a, b in
      if a.element.nanoseconds == b.element.nanoseconds { return a.offset < b.offset }
      return (a.element.nanoseconds < b.element.nanoseconds) == isForward
    }.map(\.element)
  }

  private func writeStreams(_ streams: [JSONValue]) {
    let rows = Self.rows(of: streams, isForward: isForward)
    let common = Self.common(streams.map { Self.labels($0["stream"]) })
    if form == .default, showsLabels, !isQuiet, !common.isEmpty, !rows.isEmpty {
      surroundings.errors.write("Common labels: \(terminalSafe(Labels(common).description))\n")
    }
    for row in rows { write(row, without: Set(common.map(\.name))) }
  }

  func write(_ row: Row, without common: Set<String>) {
    switch form {
    case .raw: writeRaw(row.line)
    case .jsonl:
      var json = JSONWriter()
      json.beginObject()
      json.key("timestamp")
      json.string(RFC3339.format(Timestamp(nanoseconds: row.nanoseconds)))
      json.key("labels")
      Self.write(row.labels, &json)
      json.key("line")
      json.string(row.line)
      json.endObject()
      surroundings.output.write(json.bytes + [UInt8(ascii: "\n")])
    case .default:
      let painter = Painter(surroundings.output, environment: surroundings.environment)
      let time = RFC3339.format(Timestamp(nanoseconds: row.nanoseconds))
      var out = painter.paint(time, .dim)
      if showsLabels {
        let own = Labels(row.labels.sorted.filter { !common.contains($0.name) })
        out += " " + painter.paint(terminalSafe(own.description), .blue)
      }
      let line = terminalSafe(row.line)
      let level = row.labels["level"] ?? row.labels["detected_level"] ?? ""
      if let colour = Painter.colour(level: level) {
        out += " " + painter.paint(line, colour)
      } else {
        out += " " + line
      }
      surroundings.output.write(out + "\n")
    }
  }

  /// Raw means raw for a file or a pipe; a terminal gets escapes all the same.
  private func writeRaw(_ line: String) {
    surroundings.output.write((surroundings.output.isTerminal ? terminalSafe(line) : line) + "\n")
  }

  private func writeMatrix(_ series: [JSONValue]) {
    for one in series {
      let labels = Self.labels(one["metric"])
      for value in one["values"]?.arrayValue ?? [] { writeSample(labels, value) }
    }
  }

  private func writeVector(_ samples: [JSONValue]) {
    for one in samples {
      guard let value = one["value"] else { continue }
      writeSample(Self.labels(one["metric"]), value)
    }
  }

  private func writeSample(_ labels: Labels, _ value: JSONValue) {
    guard let pair = value.arrayValue, pair.count == 2, let number = pair[1].stringValue else {
      return
    }
    let seconds = pair[0].doubleValue ?? 0
    let moment = Timestamp(nanoseconds: Int64((seconds * 1000).rounded()) * 1_000_000)
    switch form {
    case .raw: surroundings.output.write(number + "\n")
    case .jsonl:
      var json = JSONWriter()
      json.beginObject()
      json.key("timestamp")
      json.string(RFC3339.format(moment))
      json.key("labels")
      Self.write(labels, &json)
      json.key("value")
      json.string(number)
      json.endObject()
      surroundings.output.write(json.bytes + [UInt8(ascii: "\n")])
    case .default:
      let painter = Painter(surroundings.output, environment: surroundings.environment)
      let time = painter.paint(RFC3339.format(moment), .dim)
      let name = painter.paint(terminalSafe(labels.description), .blue)
      surroundings.output.write("\(time) \(name) \(number)\n")
    }
  }

  static func labels(_ value: JSONValue?) -> Labels {
    Labels((value?.members ?? []).map { Label($0.key, $0.value.stringValue ?? "") })
  }

  private static func write(_ labels: Labels, _ json: inout JSONWriter) {
    json.beginObject()
    for label in labels.sorted {
      json.key(label.name)
      json.string(label.value)
    }
    json.endObject()
  }

  /// The labels that all sets share; none for fewer than two sets.
  private static func common(_ sets: [Labels]) -> [Label] {
    guard let first = sets.first, sets.count > 1 else { return [] }
    return first.sorted.filter { label in sets.allSatisfy { $0[label.name] == label.value } }
  }
}
