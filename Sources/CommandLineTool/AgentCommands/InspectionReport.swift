import Pipeline
import TelemetryModel

/// Shows what stages did to lines: coloured differences, one block for each stage.
///
/// ```
/// [cam-os] pipeline_stages[0].json
///   extracted level: + INFO
///   line: - {"level":"INFO"} + …
/// ```
struct InspectionReport: Sendable {
  let output: any TextOutput
  let painter: Painter

  func show(_ step: StageInspection) {
    output.write(text(step))
  }

  func text(_ step: StageInspection) -> String {
    var out = step.job.isEmpty ? "" : painter.paint("[\(terminalSafe(step.job))] ", .dim)
    out += painter.paint(terminalSafe(step.stage), .bold)
    switch step.outcome {
    case .passed: break
    case .skipped: return out + painter.paint(": not selected", .dim) + "\n"
    case .held: return out + painter.paint(": held for its block", .yellow) + "\n"
    case .dropped(let reason):
      return out + painter.paint(": dropped (\(terminalSafe(reason)))", .red) + "\n"
        + "  line: \(terminalSafe(step.before.line))\n"
    case .replaced(let count):
      // What went in is part of another block, or gone into several lines.
      let lines = count == 1 ? "line goes" : "lines go"
      out += painter.paint(": \(count) \(lines) on instead", .yellow) + "\n"
      guard let first = step.after else { return out }
      return out + change("line", nil, first.line)
    }
    guard let after = step.after else { return out + "\n" }
    let changes = changes(step.before, after)
    if changes.isEmpty { return out + painter.paint(": no change", .dim) + "\n" }
    return out + "\n" + changes.joined()
  }

  private func changes(_ before: EntrySnapshot, _ after: EntrySnapshot) -> [String] {
    var out: [String] = []
    if before.line != after.line { out.append(change("line", before.line, after.line)) }
    if before.timestamp != after.timestamp {
      out.append(change("time", Self.time(before.timestamp), Self.time(after.timestamp)))
    }
    out += changes("label", before.labels, after.labels)
    out += changes("extracted", before.extracted, after.extracted)
    out += changes("metadata", before.structuredMetadata, after.structuredMetadata)
    return out
  }

  private func changes(_ what: String, _ before: [Label], _ after: [Label]) -> [String] {
    func values(_ labels: [Label]) -> [String: String] {
      Dictionary(labels.map { ($0.name, $0.value) }) { $1 }
    }
    let (old, new) = (values(before), values(after))
    return Set(old.keys).union(new.keys).sorted().compactMap { name in
      old[name] == new[name] ? nil : change("\(what) \(name)", old[name], new[name])
    }
  }

  private func change(_ what: String, _ old: String?, _ new: String?) -> String {
    var out = "  \(terminalSafe(what)):"
    if let old { out += painter.paint(" - \(terminalSafe(old))", .red) }
    if let new { out += painter.paint(" + \(terminalSafe(new))", .green) }
    return out + "\n"
  }

  static func time(_ time: Timestamp) -> String {
    GoTimeLayout.rfc3339Nano.format(ZonedTime(time))
  }
}
