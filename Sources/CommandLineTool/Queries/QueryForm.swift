import TelemetryModel
import WireFormats

/// How answers are written.
enum QueryForm: String, CaseIterable, Sendable {
  /// For lines: time, labels that differ, line. For samples: rows on a terminal, elsewhere the
  /// JSON that logcli writes.
  case `default`
  /// The line or the value alone, one a row.
  case raw
  /// One JSON object a row.
  case jsonl
  /// RFC 4180, with a heading.
  case csv
  /// One JSON document: an array.
  case json
  /// Rows of time, labels and line or value, wherever the output goes.
  case table
}

/// What the options of ``QueryOptions/output`` ask for.
struct OutputStyle: Sendable {
  let form: QueryForm
  let showsLabels: Bool
  /// Only these labels; empty for all.
  let included: Set<String>
  let excluded: Set<String>
  let labelsLength: Int
  let showsCommon: Bool
  private(set) var isQuiet: Bool
  let layout: GoTimeLayout
  let zone: TimeZoneRules
  /// Whether a person reads it: control characters become escapes.
  private(set) var isForTerminal: Bool
  private(set) var painter: Painter

  init(_ arguments: Arguments, _ surroundings: Surroundings) throws(UsageError) {
    let isColoured = arguments.has("colored-output")
    form = QueryForm(rawValue: try arguments.required("output")) ?? .default
    showsLabels = !arguments.has("no-labels")
    included = Set(arguments.all("include-label"))
    excluded = Set(arguments.all("exclude-label"))
    labelsLength = try arguments.count("labels-length")
    showsCommon = arguments.has("include-common-labels")
    isQuiet = arguments.has("quiet")
    let wanted = try arguments.required("output-timestamp-format")
    layout = GoTimeLayout(
      QueryOptions.timestampLayouts.first { $0.name == wanted }?.layout
        ?? GoTimeLayout.rfc3339.text)
    zone = try timeZone(arguments, surroundings)
    isForTerminal = surroundings.output.isTerminal || isColoured
    painter = Painter(
      surroundings.output, environment: surroundings.environment, isForced: isColoured)
  }

  /// The same without notes beside the lines.
  var quiet: OutputStyle {
    var style = self
    style.isQuiet = true
    return style
  }

  /// The same without colours and escapes, for files.
  var plain: OutputStyle {
    var style = self
    style.isForTerminal = false
    style.painter.isColoured = false
    return style
  }

  func time(_ nanoseconds: Int64) -> String {
    layout.format(ZonedTime(Timestamp(nanoseconds: nanoseconds), zone: zone))
  }

  /// As documents have it, whatever the format of times for people.
  func fullTime(_ nanoseconds: Int64) -> String {
    GoTimeLayout.rfc3339Nano.format(ZonedTime(Timestamp(nanoseconds: nanoseconds), zone: zone))
  }

  /// What of a line's labels is shown, `common` left out.
  func shown(_ labels: Labels, common: Set<String>) -> Labels {
    Labels(
      labels.sorted.filter { label in
        !common.contains(label.name) && !excluded.contains(label.name)
          && (included.isEmpty || included.contains(label.name))
      })
  }

  func safe(_ text: String) -> String { isForTerminal ? terminalSafe(text) : text }
}

/// Fields of RFC 4180, a row of them.
func csvRow(_ fields: [String]) -> String {
  let quoted = fields.map { field in
    let isPlain = field.utf8.allSatisfy { byte in
      byte != UInt8(ascii: ",") && byte != UInt8(ascii: "\"") && byte >= 0x20
    }
    return isPlain
      ? field
      : "\""
        + field.split(
          separator: "\"", omittingEmptySubsequences: false
        ).joined(separator: "\"\"") + "\""
  }
  return quoted.joined(separator: ",") + "\n"
}
