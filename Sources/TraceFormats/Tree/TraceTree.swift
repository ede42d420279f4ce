package import TelemetryModel

/// A trace as a waterfall of text, for a terminal.
package enum TraceTree {
  /// A line without its line break; no control characters, no colour.
  package struct Line: Hashable, Sendable {
    package var text: String
    /// Whether the line shows a span that failed.
    package var isError: Bool
  }

  /// The least width that is drawn for; narrower terminals get lines of this width.
  package static let widthMin = 60

  /// Draws each trace of `batches`: a heading, then a line for each span with its place in the
  /// tree, service and name, a bar from its start to its end, and its duration. The bar is full
  /// where the span is on the trace's critical path and grey elsewhere. Failed spans are marked
  /// with `!` and followed by their message.
  ///
  /// - Parameter width: columns of the terminal.
  package static func render(_ batches: [ResourceSpans], width: Int) -> [Line] {
    var lines: [Line] = []
    for trace in batches.groupedByTrace() {
      if !lines.isEmpty { lines.append(Line(text: "", isError: false)) }
      lines += render(trace: trace.id, trace.batches, width: max(width, widthMin))
    }
    return lines
  }

  private static func render(
    trace id: TraceID, _ batches: [ResourceSpans], width: Int
  ) -> [Line] {
    let tree = SpanTree(batches)
    let nodes = tree.nodes
    let critical = Dictionary(grouping: CriticalPath(tree).sections, by: \.node)
    guard let first = nodes.map(\.span.start.bits).min() else { return [] }
    let last = max(first, nodes.map(\.span.end.bits).max() ?? first)
    let services = Set(nodes.map(\.service)).count
    let errors = nodes.count { $0.span.status.code == SpanStatus.error }
    var heading = "trace \(id.hex)  \(duration(last - first))"
    heading += "  \(count(nodes.count, "span"))  \(count(services, "service"))"
    if errors > 0 { heading += "  \(count(errors, "error"))" }
    var lines = [Line(text: heading, isError: false)]
    // The name takes half, the duration ten columns at the end, the bar what is left.
    let nameWidth = width / 2
    let barWidth = width - nameWidth - 12
    for (index, node) in nodes.enumerated() {
      let isError = node.span.status.code == SpanStatus.error
      let mark = isError ? "! " : ""
      let name =
        prefix(of: node) + mark + escaped(node.service) + ": "
        + escaped(JaegerNaming.operation(node.span))
      let bar = bar(
        of: node.span, critical: critical[index] ?? [], from: first, to: last, width: barWidth)
      let time = duration(
        node.span.end.bits > node.span.start.bits ? node.span.end.bits - node.span.start.bits : 0)
      let text =
        fitted(name, to: nameWidth) + " " + bar + " "
        + String(repeating: " ", count: max(0, 10 - time.count)) + time
      lines.append(Line(text: text, isError: isError))
      if isError, !node.span.status.message.isEmpty {
        let indent = String(repeating: " ", count: min(2 * node.depth + 4, nameWidth))
        let message = indent + escaped(node.span.status.message)
        lines.append(Line(text: shortened(message, to: width), isError: true))
      }
    }
    return lines
  }

  /// The branches before a span's name; very deep ones are cut to leave room for the name.
  private static func prefix(of node: SpanTree.Node) -> String {
    guard node.depth > 0 else { return "" }
    var text = ""
    for isOpen in node.openLevels.dropFirst().suffix(11) { text += isOpen ? "│ " : "  " }
    return text + (node.isLast ? "└ " : "├ ")
  }

  private static func bar(
    of span: Span, critical: [CriticalPath.Section], from first: UInt64, to last: UInt64,
    width: Int
  ) -> String {
    var cells = Array(repeating: Character(" "), count: width)
    func fill(_ start: UInt64, _ end: UInt64, _ character: Character) {
      let whole = Double(max(1, last - first))
      let from = min(width - 1, Int(Double(start &- first) / whole * Double(width)))
      let to = Int((Double(max(end, start) - first) / whole * Double(width)).rounded(.up))
      for cell in from..<max(from + 1, min(width, to)) { cells[cell] = character }
    }
    fill(span.start.bits, span.end.bits, "░")
    for section in critical { fill(section.start, section.end, "█") }
    return String(cells)
  }

  private static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }

  /// A duration with three significant digits and a fitting unit: `1.23ms`.
  package static func duration(_ nanoseconds: UInt64) -> String {
    let (divisor, unit): (UInt64, String) =
      switch nanoseconds {
      case ..<1_000: (1, "ns")
      case ..<1_000_000: (1_000, "µs")
      case ..<1_000_000_000: (1_000_000, "ms")
      default: (1_000_000_000, "s")
      }
    let whole = nanoseconds / divisor
    guard divisor > 1, whole < 100 else { return "\(whole)\(unit)" }
    let hundredths = nanoseconds % divisor * 100 / divisor
    let digits = whole < 10 ? "\(hundredths < 10 ? "0" : "")\(hundredths)" : "\(hundredths / 10)"
    return "\(whole).\(digits)\(unit)"
  }
}

/// Text that is safe in a terminal and fits a column.
extension TraceTree {
  /// Control characters, marks that turn the direction of writing, and line breaks as `\u{…}`.
  static func escaped(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": out.append(contentsOf: #"\n"#.unicodeScalars)
      case "\r": out.append(contentsOf: #"\r"#.unicodeScalars)
      case "\t": out.append(contentsOf: #"\t"#.unicodeScalars)
      case _ where isUnsafe(scalar):
        out.append(
          contentsOf: (#"\u{"# + String(scalar.value, radix: 16) + "}").unicodeScalars)
      default: out.append(scalar)
      }
    }
    return String(out)
  }

  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: true
    default: false
    }
  }

  /// How many columns a character takes; wide ones of East Asia and emoji take two.
  private static func columns(_ character: Character) -> Int {
    guard let scalar = character.unicodeScalars.first else { return 0 }
    switch scalar.value {
    case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
      0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
      return 2
    default:
      return scalar.properties.generalCategory == .nonspacingMark ? 0 : 1
    }
  }

  /// At most `width` columns of `text`; what was cut is shown as `…`.
  private static func shortened(_ text: String, to width: Int) -> String {
    var used = 0
    var end = text.startIndex
    for index in text.indices {
      let next = used + columns(text[index])
      if next > width - 1 {
        return text[end...].count <= 1 && next <= width ? text : text[..<end] + "…"
      }
      used = next
      end = text.index(after: index)
    }
    return text
  }

  private static func fitted(_ text: String, to width: Int) -> String {
    let text = shortened(text, to: width)
    let used = text.reduce(0) { $0 + columns($1) }
    return text + String(repeating: " ", count: max(0, width - used))
  }
}
