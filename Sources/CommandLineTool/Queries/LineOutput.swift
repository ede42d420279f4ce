import TelemetryModel
import WireFormats

/// Writes lines as they come, batch by batch.
struct LineOutput: Sendable {
  let style: OutputStyle
  private let output: any TextOutput
  private let errors: any TextOutput
  private var isBegun = false
  /// The common labels that were told last.
  private var told: [Label] = []
  private var buffer: [UInt8] = []

  init(_ style: OutputStyle, _ output: any TextOutput, errors: any TextOutput) {
    self.style = style
    self.output = output
    self.errors = errors
  }

  /// Writes a batch. Labels that all of `sets` share are left out and told once.
  ///
  /// - Parameter sets: the labels of the batch's streams; none to show all labels of each line.
  /// - Parameter mark: stands in front of each line for people.
  mutating func write(_ rows: [LogRow], sets: [Labels] = [], mark: String = "") {
    let common = style.showsCommon ? [] : Labels.common(sets)
    let hidden = Set(common.map(\.name)).subtracting(style.included)
    let isWhole = [.csv, .json, .raw].contains(style.form)
    if style.showsLabels, !style.isQuiet, !isWhole, !common.isEmpty, common != told, !rows.isEmpty {
      told = common
      errors.write("Common labels: \(terminalSafe(Labels(common).description))\n")
    }
    var texts: [Labels: String] = [:]
    var width = style.labelsLength
    for set in sets {
      let text = style.shown(set, common: hidden).description
      texts[set] = text
      width = max(width, text.utf8.count)
    }
    // A person is not shown that nothing is left of the labels.
    let showsLabels =
      style.showsLabels
      && !(style.isForTerminal && texts.values.allSatisfy { $0 == "{}" }
        && !texts.isEmpty)
    for row in rows {
      if style.form == .default || style.form == .table {
        put(mark)
        appendLine(row, hidden, showsLabels ? texts[row.labels] : "", width)
      } else {
        append(row, hidden)
      }
    }
    flush()
  }

  /// Writes what closes a document.
  mutating func end() {
    if style.form == .json { put(isBegun ? "\n]\n" : "[]\n") }
    if style.form == .csv, !isBegun { put(Self.heading(style)) }
    isBegun = true
    flush()
  }

  private mutating func append(_ row: LogRow, _ hidden: Set<String>) {
    switch style.form {
    case .default, .table: break
    // Raw means raw for a file or a pipe; a terminal gets escapes all the same.
    case .raw: put(style.safe(row.line) + "\n")
    case .jsonl:
      buffer += object(row, hidden)
      put("\n")
    case .json:
      // A document stands for itself: all labels are in it.
      put(isBegun ? ",\n" : "[\n")
      buffer += object(row, [])
    case .csv:
      if !isBegun { put(Self.heading(style)) }
      put(csvRow(fields(row)))
    }
    isBegun = true
  }

  /// - Parameter labelsText: what of its labels is shown, empty for none of them; nil for all.

  private mutating func appendLine(
    _ row: LogRow, _ hidden: Set<String>, _ labelsText: String?, _ width: Int
  ) {
    var out = style.painter.paint(style.time(row.nanoseconds), .dim)
    if style.showsLabels, labelsText != "" {
      let text = labelsText ?? style.shown(row.labels, common: hidden).description
      let blanks = String(repeating: " ", count: max(0, width - text.utf8.count))
      out += " " + style.painter.paint(style.safe(text), .blue) + blanks
    }
    let line = style.safe(trimmed(row.line))
    if let colour = Painter.colour(level: row.level) {
      put(out + " " + style.painter.paint(line, colour) + "\n")
    } else {
      put(out + " " + line + "\n")
    }
  }

  /// For people a line stands without the blanks around it.
  private func trimmed(_ line: String) -> String {
    let scalars = line.unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return String(scalars[first...last])
  }

  private func object(_ row: LogRow, _ hidden: Set<String>) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("labels")
    json.value(style.shown(row.labels, common: hidden))
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
