import Bytes
import Configuration
import TelemetryModel
import WireFormats

/// `sluice push`: standard input's lines to one stream.
let pushCommand = Command(
  name: "push", summary: "Send standard input to a stream, one entry a line.",
  notes: """
    Example: dmesg | sluice push --label job=dmesg --label host=$(hostname)
    Entries get the time at which they are read. It ends when all are acknowledged; on an error the
    count of acknowledged lines is told.
    """,
  options: [
    .value("label", "NAME=VALUE", "a label of the stream; one at least", isRepeatable: true),
    .value("metadata", "NAME=VALUE", "structured metadata of each entry", isRepeatable: true),
  ] + QueryOptions.server,
  run: { arguments, surroundings in
    let labels = try pairs(arguments.all("label"), option: "label")
    guard !labels.isEmpty else { throw UsageError(message: "--label NAME=VALUE is missing") }
    let metadata = try pairs(arguments.all("metadata"), option: "metadata")
    let connection = try ServerConnection(arguments)
    var sender = PushSender(
      connection: connection, labels: Labels(labels), metadata: metadata, now: surroundings.now)
    try await readLines(from: 0) { line in try await sender.append(line) }
    try await sender.finish()
    surroundings.errors.write("\(sender.acknowledged) lines acknowledged\n")
    return .success
  })

private func pairs(_ texts: [String], option: String) throws(UsageError) -> [Label] {
  var out: [Label] = []
  for text in texts {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else {
      throw UsageError(message: "--\(option) '\(text)' is not NAME=VALUE")
    }
    guard LabelNames.isValid(String(parts[0])) else {
      throw UsageError(
        message: "--\(option): '\(parts[0])' is no label name: letters, digits and _ only, and no "
          + "digit first")
    }
    out.append(Label(String(parts[0]), String(parts[1])))
  }
  return out
}

/// Batches lines into pushes of 1 MiB at most and sends them one after another.
private struct PushSender {
  let connection: ServerConnection
  let metadata: [Label]
  let now: @Sendable () -> Int64
  var rows: StreamRows
  var acknowledged = 0
  var last: Int64 = 0

  init(
    connection: ServerConnection, labels: Labels, metadata: [Label],
    now: @escaping @Sendable () -> Int64
  ) {
    self.connection = connection
    self.metadata = metadata
    self.now = now
    rows = StreamRows(labels: labels)
  }

  mutating func append(_ line: [UInt8]) async throws {
    // Times ascend, so that equal lines stay apart and in order.
    last = max(last + 1, now())
    rows.append(
      LogEntry(
        timestamp: Timestamp(nanoseconds: last), line: line, structuredMetadata: metadata))
    if rows.lineBytes.count >= 1 << 20 { try await finish() }
  }

  mutating func finish() async throws {
    guard rows.count > 0 else { return }
    do {
      try await connection.post(
        "/loki/api/v1/push", type: "application/x-protobuf",
        body: LokiPushEncoder.encode([rows]))
    } catch let failure as CommandFailure {
      throw CommandFailure(
        message: "\(failure.message) (\(acknowledged) lines were acknowledged before)",
        status: failure.status)
    }
    acknowledged += rows.count
    rows = StreamRows(labels: rows.labels)
  }
}
