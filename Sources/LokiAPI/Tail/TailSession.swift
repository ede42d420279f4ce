import HTTP
import LinuxIO
import LogQL
import LogQuery
import LogStore
import TelemetryModel

/// One follower of new lines: first what is there since `start`, then what comes.
struct TailSession: Sendable {
  /// Why a session ends by the server.
  struct End: Error {
    let reason: String
  }

  /// How often is looked for new lines.
  static let pollSeconds = 0.1
  /// A client that takes nothing for so long while lines are dropped is cut off.
  static let droppingSecondsMax = 60.0

  let question: TailQuestion
  let service: QueryService
  let tenants: [TenantID]
  let store: LogStore
  let executor: BlockingExecutor
  let loop: EventLoop
  let frames: TailFrames
  let durationSecondsMax: Double

  /// Sends until the client goes away. Throws ``End`` with what the client is told.
  func run(_ socket: WebSocket) async throws {
    guard case .log(let selection) = question.expression else {
      throw End(reason: "only log selector is supported")
    }
    let clock = service.clock
    let began = clock.monotonic()
    let buffer = TailBuffer(clock: clock)
    let following = try store.follow(
      tenants: tenants, matchers: selection.matchers.filter { $0.name != TenantLabels.name }
    ) { tenant, rows in buffer.add(tenant, rows) }
    defer { withExtendedLifetime(following) {} }

    var sent = SentLines()
    let history = try await entries(
      of: service, from: question.start, to: service.now + TimeSpan(nanoseconds: 1),
      limit: question.limit)
    if !history.isEmpty {
      sent.note(history)
      try await socket.send(text: frames.frame(history, dropped: TailBuffer.Batch()))
    }
    var isFirst = true
    while true {
      try await loop.sleep(seconds: Self.pollSeconds)
      if clock.monotonic().seconds(since: began) >= durationSecondsMax {
        throw End(reason: "reached tail max duration limit")
      }
      let batch = buffer.take(
        delaySeconds: Double(question.delaySeconds))
      if batch.arrivals.isEmpty, batch.droppedCount == 0 { continue }
      var fresh = try await entries(of: batch)
      if isFirst { fresh = sent.without(fresh) }
      fresh = sent.withoutRepeats(fresh)
      isFirst = false
      if fresh.isEmpty, batch.droppedCount == 0 { continue }
      try await send(frames.frame(fresh, dropped: batch), socket, buffer)
    }
  }

  /// Sends a frame; a client that takes none while its lines are dropped is told and cut off.
  private func send(_ frame: [UInt8], _ socket: WebSocket, _ buffer: TailBuffer) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await socket.send(text: frame) }
      group.addTask {
        while buffer.droppingSeconds < Self.droppingSecondsMax {
          try await loop.sleep(seconds: 1)
        }
        throw End(reason: "tailing is too slow: lines are dropped since a minute")
      }
      try await group.next()
      group.cancelAll()
    }
  }

  /// The lines of a batch, through the query's stages.
  private func entries(of batch: TailBuffer.Batch) async throws -> [ResultEntry] {
    guard !batch.arrivals.isEmpty else { return [] }
    let fresh = LogStore.holding(batch.arrivals.map { ($0.tenant, [$0.rows]) })
    let count = batch.arrivals.reduce(0) { $0 + $1.rows.count }
    return try await entries(
      of: service.over(fresh), from: .distantPast, to: .distantFuture, limit: count)
  }

  private func entries(
    of service: QueryService, from start: Timestamp, to end: Timestamp, limit: Int
  ) async throws -> [ResultEntry] {
    let request = QueryRequest(
      tenants: tenants, expression: question.expression, start: start, end: end,
      step: .seconds(1), limit: limit, direction: .backward)
    return try await executor.run {
      guard start < end else { return [] }
      var limits = QueryLimits()
      let deadline = service.clock.monotonic().adding(seconds: service.settings.timeoutSeconds)
      limits.isPastDeadline = { service.clock.monotonic() >= deadline }
      let result = try service.serving(tenants).engine.answer(request, limits: limits)
      guard case .streams(let streams) = result.value else { return [] }
      return streams.flatMap(\.entries).sorted { $0.timestamp < $1.timestamp }
    }
  }
}

/// What was sent, as far as it may come again.
private struct SentLines {
  private struct Line: Hashable {
    let timestamp: Timestamp
    let labels: Labels
    let text: [UInt8]
  }

  private var history: Set<Line> = []
  /// The last line of each stream; bounded by forgetting all.
  private var last: [Labels: Line] = [:]
  private static let streamsMax = 10_000

  private func line(_ entry: ResultEntry) -> Line {
    Line(
      timestamp: entry.timestamp, labels: Labels(entry.labels.stream), text: entry.line)
  }

  mutating func note(_ entries: [ResultEntry]) {
    for entry in entries {
      let line = line(entry)
      history.insert(line)
      last[line.labels] = line
    }
  }

  /// Leaves out what the history held already: it came while the history was read.
  mutating func without(_ entries: [ResultEntry]) -> [ResultEntry] {
    defer { history = [] }
    return entries.filter { !history.contains(line($0)) }
  }

  /// Leaves out a stream's last line when it comes again.
  mutating func withoutRepeats(_ entries: [ResultEntry]) -> [ResultEntry] {
    if last.count > Self.streamsMax { last = [:] }
    return entries.filter { entry in
      let line = line(entry)
      guard last[line.labels] != line else { return false }
      last[line.labels] = line
      return true
    }
  }
}
