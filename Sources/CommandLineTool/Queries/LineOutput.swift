import TelemetryModel
import WireFormats

/// Writes lines as they come, batch by batch.
struct LineOutput: Sendable {
  let style: OutputStyle
  private let output: any TextOutput
  private let errors: any TextOutput
  private var isBegun = false
  private var buffer: [UInt8] = []

  init(_ style: OutputStyle, _ output: any TextOutput, errors: any TextOutput) {
    self.style = style
    self.output = output
    self.errors = errors
  }

  /// Writes a batch. Labels that all of `sets` share are left out and told once.
  ///
  /// - Parameter sets: the labels of the batch's streams; none to show all labels of each line.
  mutating func write(_ rows: [LogRow], sets: [Labels] = [], tellsCommon: Bool = true) {
    let common = style.showsCommon ? [] : Labels.common(sets)
    let hidden = Set(common.map(\.name)).subtracting(style.included)
    if tellsCommon, style.showsLabels, !style.isQuiet, !common.isEmpty, !rows.isEmpty {
      errors.write("Common labels: \(terminalSafe(Labels(common).description))\n")
    }
    var texts: [Labels: String] = [:]
    var width = style.labelsLength
    for set in sets {
      let text = style.shown(set, common: hidden).description
      texts[set] = text
      width = max(width, text.utf8.count)
    }
    for row in rows { append(row, hidden, texts[row.labels], width: width) }
    flush()
  }

  /// Writes what closes a document.
  mutating func end() {
    if style.form == .json { put(isBegun ? "\n]\n" : "[]\n") }
    if style.form == .csv, !isBegun { put(Self.heading(style)) }
    isBegun = true
    flush()
  }

  private mutating func append(
    _ row: LogRow, _ hidden: Set<String>, _ labelsText: String?, width: Int
  ) {
    switch style.form {
    case .default, .table: appendLine(row, hidden, labelsText, width)
    // Raw means raw for a file or a pipe; a terminal gets escapes all the same.
    case .raw: put(style.safe(row.line) + "\n")
    case .jsonl:
      buffer += object(row, hidden)
      put("\n")
    case .json:
      put(isBegun ? ",\n" : "[\n")
      buffer += object(row, hidden)
    case .csv:
      if !isBegun { put(Self.heading(style)) }
      put(csvRow(fields(row)))
    }
    isBegun = true
  }

  private mutating func appendLine(
    _ row: LogRow, _ hidden: Set<String>, _ labelsText: String?, _ width: Int
  ) {
    var out = style.painter.paint(style.time(row.nanoseconds), .dim)
    if style.showsLabels {
      let text = labelsText ?? style.shown(row.labels, common: hidden).description
      let blanks = String(repeating: " ", count: max(0, width - text.utf8.count))
      out += " " + style.painter.paint(style.safe(text), .blue) + blanks
    }
    let line = style.safe(row.line)
    if let colour = Painter.colour(level: row.level) {
      put(out + " " + style.painter.paint(line, colour) + "\n")
    } else {
      put(out + " " + line + "\n")
    }
  }

  private func object(_ row: LogRow, _ hidden: Set<String>) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("labels")
    json.value(style.shown(row.labels, common: style.showsLabels ? hidden : []))
    json.key("line")
    json.string(row.line)
    json.key("timestamp")
    json.string(style.fullTime(row.nanoseconds))
    json.endObject()
    return json.bytes
  }

  /// Labels that were named have columns of their own; else all are in one, as LogQL writes them.
  private static func heading(_ style: OutputStyle) -> String {
    csvRow(
      ["timestamp"] + (style.included.isEmpty ? ["labels"] : style.included.sorted()) + ["line"])
  }

  private func fields(_ row: LogRow) -> [String] {
    let labels =
      style.included.isEmpty
      ? [style.shown(row.labels, common: []).description]
      : style.included.sorted().map { row.labels[$0] ?? "" }
    return [style.time(row.nanoseconds)] + labels + [row.line]
  }

  private mutating func put(_ text: String) { buffer += text.utf8 }

  private mutating func flush() {
    if !buffer.isEmpty { output.write(buffer) }
    buffer.removeAll(keepingCapacity: true)
  }
}
