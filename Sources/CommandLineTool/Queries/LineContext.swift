import TelemetryModel
import WireFormats

/// `-A`, `-B`, `-C`: lines with their neighbours, as grep shows them.
struct LineContextOptions {
  private let before: Int
  private let after: Int

  /// nil when no neighbours are asked for.
  init?(_ arguments: Arguments) throws(UsageError) {
    let both = arguments["context"] == nil ? 0 : try arguments.count("context")
    before =
      arguments["before-context"] == nil ? both : try arguments.count("before-context")
    after = arguments["after-context"] == nil ? both : try arguments.count("after-context")
    guard before > 0 || after > 0 else { return nil }
  }

  /// A run of lines of one stream without a gap that is known of.
  private struct Group {
    var labels: Labels
    var lines: [(row: LogRow, isMatch: Bool)]
    /// Where it stands among the others: its first match in the query's direction.
    var place: Int
  }

  func run(
    _ question: LogQuestion, _ answers: any LogAnswers, _ style: OutputStyle,
    _ surroundings: Surroundings
  ) async throws -> ExitStatus {
    guard question.limit > 0 else {
      throw UsageError(message: "with -A, -B and -C, --limit is 1 at least")
    }
    guard ![.csv, .json].contains(style.form) else {
      throw UsageError(message: "with -A, -B and -C, --output is default, raw or jsonl")
    }
    let fields = question.fields(question.range, limit: question.limit)
    let answer = try await WatchedAnswers(answers, surroundings).json(
      "/loki/api/v1/query_range", fields + [("before", "\(before)"), ("after", "\(after)")])
    guard answer["data"]?["resultType"]?.stringValue == "streams" else {
      throw CommandFailure(message: "only lines have neighbours: this is a metric query")
    }
    let groups = Self.groups(
      answer["data"]?["context"]?.arrayValue ?? [], isForward: question.isForward)
    write(groups, style, surroundings)
    return .success
  }

  /// Neighbours that touch or overlap are told once.
  private static func groups(_ contexts: [JSONValue], isForward: Bool) -> [Group] {
    var byStream: [Labels: [Group]] = [:]
    for (place, context) in contexts.enumerated() {
      let labels = Labels(json: context["stream"])
      func rows(_ name: String) -> [LogRow] {
        (context[name]?.arrayValue ?? []).compactMap { LogRow($0, labels) }
      }
      guard let match = context["match"].flatMap({ LogRow($0, labels) }) else { continue }
      let lines =
        rows("before").map { (row: $0, isMatch: false) } + [(row: match, isMatch: true)]
        + rows("after").map { (row: $0, isMatch: false) }
      byStream[labels, default: []].append(Group(labels: labels, lines: lines, place: place))
    }
    var merged: [Group] = []
    for groups in byStream.values {
      var open: Group?
      for group in isForward ? groups : groups.reversed() {
        guard var last = open else {
          open = group
          continue
        }
        let known = Set(last.lines.map(\.row))
        if group.lines.contains(where: { known.contains($0.row) }) {
          for line in group.lines where line.isMatch {
            if let at = last.lines.firstIndex(where: { $0.row == line.row }) {
              last.lines[at].isMatch = true
            }
          }
          last.lines += group.lines.filter { !known.contains($0.row) }
          last.place = min(last.place, group.place)
          open = last
        } else {
          merged.append(last)
          open = group
        }
      }
      if let open { merged.append(open) }
    }
    return merged.sorted { $0.place < $1.place }
  }

  private func write(_ groups: [Group], _ style: OutputStyle, _ surroundings: Surroundings) {
    var lines = LineOutput(style, surroundings.output, errors: surroundings.errors)
    let sets = groups.map(\.labels)
    for (index, group) in groups.enumerated() {
      if index > 0, style.form != .jsonl {
        surroundings.output.write(style.painter.paint("--", .dim) + "\n")
      }
      for line in group.lines {
        // In front of the time stands what grep puts behind the line's number.
        let mark = line.isMatch ? style.painter.paint(">", .bold) + " " : "  "
        lines.write([line.row], sets: sets, mark: mark)
      }
    }
  }
}
