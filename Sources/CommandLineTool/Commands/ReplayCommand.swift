import Bytes
import TelemetryModel
import TraceFormats

/// `sluice replay`: recorded logs and traces again, as if they happened up to now.
let replayCommand = Command(
  name: "replay", summary: "Write recorded logs or send recorded traces with times moved to now.",
  notes: """
    Logs: each file is appended to the file of its name in the --into folder, which an agent tails.
    Each file is moved as a whole: the newest of its lines' first times becomes now. RFC 3339, the
    common log format and syslog's `Nov 21 06:00:00` are recognised, in the form of the first line;
    lines without such a time stay as they are.
    Traces: OTLP JSON documents are sent to --otlp, each moved so that its last span ends now, with
    new trace ids, so that a replay never mixes with an earlier one. With --trace-ids and then
    --rename-traces the log lines name the new ones.
    Examples:
      sluice replay --otlp http://127.0.0.1:4318 --trace-ids ids samples/traces.otlp.json
      sluice replay --into /var/log/app --rename-traces ids samples/app.log
    """,
  positional: "FILE...",
  options: [
    .value("into", "DIR", "append logs to files in this folder"),
    .value("otlp", "URL", "send OTLP JSON to this receiver, http://127.0.0.1:4318 say"),
    .value(
      "trace-ids", "FILE", "write the trace ids sent, one a line; FILE.source has the old ones"),
    .value(
      "rename-traces", "FILE", "put the trace ids that --trace-ids wrote in place of the old ones"),
    .value("timeout", "TIME", "gives up on the receiver after this", preset: "30s"),
  ],
  run: { arguments, surroundings in
    guard !arguments.positional.isEmpty else { throw UsageError(message: "which files?") }
    let now = Timestamp(nanoseconds: surroundings.now())
    switch (arguments["into"], arguments["otlp"]) {
    case (let folder?, nil):
      guard !arguments.isGiven("trace-ids") else {
        throw UsageError(message: "--trace-ids is of traces that are sent: it needs --otlp")
      }
      let renaming = try arguments["rename-traces"].map { try TraceRenaming(file: $0) }
      try replayLogs(arguments.positional, into: folder, renaming, now: now, surroundings)
    case (nil, _?):
      guard !arguments.isGiven("rename-traces") else {
        throw UsageError(message: "--rename-traces is of log files: it needs --into")
      }
      try await replayTraces(arguments, now: now, surroundings)
    default: throw UsageError(message: "one of --into DIR and --otlp URL is needed")
    }
    return .success
  })

private func replayLogs(
  _ files: [String], into folder: String, _ renaming: TraceRenaming?, now: Timestamp,
  _ surroundings: Surroundings
) throws {
  try makeFolder(folder)
  for file in files {
    var text = try readFile(file)
    renaming?.apply(to: &text)
    let shifted = try TimeShift.moveToNow(text, now: now, file: file)
    let name = file.split(separator: "/").last.map(String.init) ?? file
    try writeFile("\(folder)/\(name)", shifted.bytes, appending: true)
    surroundings.output.write(
      "\(terminalSafe(file)): \(shifted.lines) lines, moved by \(shortTimeSpan(shifted.moved))\n")
  }
}

private func replayTraces(
  _ arguments: Arguments, now: Timestamp, _ surroundings: Surroundings
) async throws {
  let connection = try ServerConnection(arguments, address: "otlp")
  var ids: [(old: TraceID, new: TraceID)] = []
  var random = SystemRandomNumberGenerator()
  for file in arguments.positional {
    var groups: [ResourceSpans]
    do {
      groups = try OTLPTraceJSON.decode(try readFile(file))
    } catch let error as TraceFormatError {
      throw CommandFailure(message: "\(file): \(error.message)")
    }
    let spans = groups.flatMap { $0.scopes.flatMap(\.spans) }
    guard let newest = spans.map(\.end).max() else {
      throw CommandFailure(message: "\(file): no spans in it")
    }
    var renamed: [TraceID: TraceID] = [:]
    for span in spans where renamed[span.traceID] == nil {
      let new = TraceID(high: random.next() | 1, low: random.next())
      renamed[span.traceID] = new
      ids.append((span.traceID, new))
    }
    let move = now - newest
    for group in groups.indices {
      for scope in groups[group].scopes.indices {
        for index in groups[group].scopes[scope].spans.indices {
          groups[group].scopes[scope].spans[index].move(by: move, renaming: renamed)
        }
      }
    }
    try await connection.post(
      "/v1/traces", type: "application/x-protobuf", body: OTLPTraceProtobuf.encode(groups))
    surroundings.output.write(
      "\(terminalSafe(file)): \(spans.count) spans of \(renamed.count) traces, moved by "
        + "\(shortTimeSpan(move))\n")
  }
  if let path = arguments["trace-ids"] {
    try writeFile(path, Array(ids.map { $0.new.hex + "\n" }.joined().utf8))
    try writeFile(path + ".source", Array(ids.map { $0.old.hex + "\n" }.joined().utf8))
  }
}

extension Span {
  fileprivate mutating func move(by span: TimeSpan, renaming: [TraceID: TraceID]) {
    start = start + span
    end = end + span
    traceID = renaming[traceID] ?? traceID
    for index in events.indices { events[index].time = events[index].time + span }
    for index in links.indices {
      links[index].traceID = renaming[links[index].traceID] ?? links[index].traceID
    }
  }
}

/// New trace ids for old ones, as `--trace-ids` wrote them.
struct TraceRenaming {
  private var new: [[UInt8]: [UInt8]] = [:]

  /// - Throws: ``CommandFailure`` when `FILE` or `FILE.source` cannot be read, or one of them has
  ///   more ids than the other.
  init(file: String) throws {
    let lists = try [file + ".source", file].map { path in
      try readFile(path, bytesMax: 1 << 30).split(separator: UInt8(ascii: "\n")).map(Array.init)
    }
    guard lists[0].count == lists[1].count else {
      throw CommandFailure(
        message: "\(file) has \(lists[1].count) ids and \(file).source \(lists[0].count): they "
          + "are not of one replay; let `sluice replay --otlp URL --trace-ids \(file)` write both")
    }
    for (old, new) in zip(lists[0], lists[1]) where old.count == new.count { self.new[old] = new }
  }

  /// Renames each id that stands by itself: 32 hexadecimal digits with none beside them.
  func apply(to text: inout [UInt8]) {
    var start = 0
    for index in 0...text.count {
      if index < text.count, Hex.value(text[index]) != nil { continue }
      if index - start == 32, let id = new[Array(text[start..<index])] {
        text.replaceSubrange(start..<index, with: id)
      }
      start = index + 1
    }
  }
}
