import TelemetryModel
import TraceFormats

/// `sluice traces export`: traces to files, to standard output or to another collector.
let traceExportCommand = Command(
  name: "export", summary: "Write or push traces as Jaeger, Zipkin or OTLP.",
  notes: """
    Each trace becomes DIR/TRACEID.FORMAT.json, or with --per-file N so many together
    DIR/traces-NUMBER.FORMAT.json; with --out - the documents go to standard output, one a line.
    Jaeger's UI loads its files ("JSON File"), Zipkin's UI the others.
    --push URL sends them to a collector instead: Jaeger's Thrift (http://host:14268), Zipkin's v2
    JSON (http://host:9411) or OTLP (http://host:4318).
    Traces are named by --id, or all are taken that meet the conditions, newest first.
    Examples:
      sluice traces export --id 61da3d513cab85e1ec563f5792fffdfe --format zipkin --out -
      sluice traces export --since 24h --query '{ status = error }' --out ./errors
      sluice traces export --since 1h --format otlp --push http://collector:4318
    """,
  options: [
    .value("format", "FORMAT", "jaeger, zipkin or otlp", preset: "jaeger"),
    .value("id", "TRACE-ID", "this trace", isRepeatable: true),
    .value("out", "DIR", "where to write, or - for standard output", preset: "."),
    .value("per-file", "N", "traces of one file", preset: "1"),
    .value("push", "URL", "send to this collector instead of writing"),
    .value("limit", "N", "traces at most; 0 for all", preset: "0", aliases: ["n"]),
    .flag("quiet", "show no progress"),
  ] + TraceOptions.conditions + QueryOptions.range + TraceOptions.server,
  run: { arguments, surroundings in
    let name = try arguments.required("format")
    guard let format = TraceExportFormat(rawValue: name) else {
      throw UsageError(message: "--format is jaeger, zipkin or otlp")
    }
    let target = try TraceExportTarget(arguments, format, surroundings)
    let range = try QueryRange(arguments, now: Timestamp(nanoseconds: surroundings.now()))
    let source = try TraceExportSource(arguments, range)
    var progress = ExportProgress(
      surroundings.errors, isShown: !arguments.has("quiet") && surroundings.errors.isTerminal,
      range: source.ids.isEmpty ? range : nil, traceCount: source.ids.count)
    let counts = try await source.export { traces in
      try await target.take(traces)
      progress.add(traces)
    }
    try await target.finish()
    progress.end()
    if counts.traces == 0 {
      surroundings.errors.write("no trace matches\n")
    } else if target.tellsCount {
      surroundings.errors.write("\(counts.traces) traces with \(counts.spans) spans\n")
    }
    return .success
  })

/// How far an export came, in one line that is written over.
struct ExportProgress {
  private let output: any TextOutput
  private let isShown: Bool
  /// Newest first, a search's progress is how far back it came.
  private let range: QueryRange?
  private let traceCount: Int
  private var traces = 0
  private var spans = 0
  private var part = 0.0

  init(_ output: any TextOutput, isShown: Bool, range: QueryRange?, traceCount: Int) {
    self.output = output
    self.isShown = isShown
    self.range = range
    self.traceCount = traceCount
  }

  mutating func add(_ batches: [[ResourceSpans]]) {
    guard isShown else { return }
    for trace in batches {
      traces += 1
      spans += trace.spanCount
      if let range, let start = trace.first?.scopes.first?.spans.first?.start {
        let whole = Double((range.end - range.start).nanoseconds)
        part = max(part, min(1, Double((range.end - start).nanoseconds) / max(1, whole)))
      } else if traceCount > 0 {
        part = Double(traces) / Double(traceCount)
      }
    }
    draw()
  }

  private func draw() {
    let width = 30
    let full = min(width, Int(part * Double(width)))
    let bar = String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
    output.write("\r\(bar) \(Int(part * 100))%  \(traces) traces, \(spans) spans\u{1b}[K")
  }

  mutating func end() {
    guard isShown, traces > 0 else { return }
    part = 1
    draw()
    output.write("\n")
  }
}
