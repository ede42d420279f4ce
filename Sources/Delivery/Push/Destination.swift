import LinuxIO
package import TelemetryModel

/// Who gets the queue's bodies, and how.
package struct DestinationSettings: Sendable {
  /// Tells it from others, over restarts too; 128 bytes at most.
  package var key: String
  /// For metrics and messages.
  package var name: String
  /// For messages.
  package var url: String
  package var profile: BatchProfile
  /// `X-Scope-OrgID` where no stage chose one; empty for none.
  package var tenant = ""
  package var backoffLeast = TimeSpan.milliseconds(500)
  package var backoffGreatest = TimeSpan.minutes(5)
  /// 429 is taken as a refusal.
  package var dropsRateLimited = false

  package init(key: String, name: String, url: String, profile: BatchProfile) {
    self.key = key
    self.name = name
    self.url = url
    self.profile = profile
  }
}

/// Sends the queue's records to one destination, in order, until the task is cancelled.
///
/// A body is tried for as long as it takes. Only what was accepted or set aside is acknowledged,
/// so that a crash at any moment sends the same bytes again, which the store drops as duplicates.
/// Blocks on the disk shortly: run it on an executor that may.
package struct Destination: Sendable {
  private let settings: DestinationSettings
  private let queue: DiskQueue
  private let transport: any PushTransport
  private let rejected: @Sendable () -> RejectedBatches
  private let metrics: DestinationMetrics
  private let log = Log("push")

  package init(
    _ settings: DestinationSettings, queue: DiskQueue, transport: any PushTransport,
    rejected: @escaping @Sendable () -> RejectedBatches, metrics: DestinationMetrics
  ) {
    self.settings = settings
    self.queue = queue
    self.transport = transport
    self.rejected = rejected
    self.metrics = metrics
  }

  package func run() async {
    var reader = QueueReader(queue, key: settings.key)
    let rejected = rejected()
    while !Task.isCancelled {
      do throws(DeliveryError) {
        guard let (record, sequence) = try reader.take() else {
          guard await reader.wait() else { return }
          continue
        }
        guard await send(record, sequence, rejected) else {
          reader.giveUp(record, sequence)
          return
        }
        reader.acknowledge(sequence)
      } catch {
        log.error(
          "the queue cannot be read; it is tried again",
          ["client": settings.name, "error": error.message])
        await Self.sleep(seconds: 1)
      }
    }
  }

  /// Sends all bodies of a record that are for this destination; false when cancelled.
  private func send(
    _ record: QueueRecord, _ sequence: UInt64, _ rejected: RejectedBatches
  ) async -> Bool {
    // After a change of external labels, what was queued before goes as it is.
    let profile =
      record.bodies.contains { $0.profile == settings.profile.number }
      ? settings.profile.number : record.bodies.first?.profile
    for (index, body) in record.bodies.enumerated() where body.profile == profile {
      guard await send(body, (sequence, index), rejected) else { return false }
    }
    return true
  }

  private func send(
    _ body: QueuedBody, _ place: (sequence: UInt64, index: Int), _ rejected: RejectedBatches
  ) async -> Bool {
    var backoff = Backoff(least: settings.backoffLeast, greatest: settings.backoffGreatest)
    let tenant = body.tenant.isEmpty ? settings.tenant : body.tenant
    while !Task.isCancelled {
      let start = MonotonicTime.now()
      let response = await transport.push(body.bytes, tenant: tenant)
      if Task.isCancelled, case .unreachable = response.kind { return false }
      metrics.observe(response, seconds: MonotonicTime.now().seconds(since: start))
      var verdict = PushVerdict(response)
      if settings.dropsRateLimited, response.kind == .status(429) { verdict = .refused }
      switch verdict {
      case .accepted:
        metrics.sent(body, storedLines: response.storedLines)
        if let stored = response.storedLines, stored != body.entries {
          log.error(
            "the server has not stored as many lines as it was sent",
            ["client": settings.name, "sent": body.entries, "stored": stored])
        }
        return true
      case .refused:
        if setAside(body, place, tenant, response, rejected) { return true }
        await Self.sleep(seconds: 1)
      case .retry:
        metrics.retries.add()
        let pause = backoff.next(
          retryAfterSeconds: response.retryAfterSeconds, chance: Double.random(in: 0...1))
        log.warn(
          "a batch was not taken and is sent again",
          [
            "client": settings.name, "answer": Self.describe(response),
            "pause_seconds": (pause * 100).rounded() / 100,
          ])
        await Self.sleep(seconds: pause)
      }
    }
    return false
  }

  private func setAside(
    _ body: QueuedBody, _ place: (sequence: UInt64, index: Int), _ tenant: String,
    _ response: PushResponse, _ rejected: RejectedBatches
  ) -> Bool {
    guard case .status(let status) = response.kind else { return false }
    do throws(DeliveryError) {
      let removed = try rejected.add(
        body.bytes, sequence: place.sequence, place: place.index,
        RejectedBatches.Refusal(
          destination: settings.name, url: settings.url, tenant: tenant, status: status,
          message: response.message, entries: body.entries))
      if removed > 0 {
        metrics.rejectedBatchesRemoved.add(removed)
        log.warn(
          "refused batches that were set aside long ago are removed to make room",
          ["client": settings.name, "batches": removed])
      }
    } catch {
      log.error(
        "a refused batch cannot be set aside; it is tried again",
        ["client": settings.name, "error": error.message])
      return false
    }
    metrics.rejected(body)
    log.error(
      "a batch was refused and set aside",
      ["client": settings.name, "answer": Self.describe(response), "lines": body.entries])
    return true
  }

  private static func describe(_ response: PushResponse) -> String {
    switch response.kind {
    case .unreachable: response.message
    case .status(let status): "\(status) \(response.message)"
    }
  }

  /// Ends early when the task is cancelled.
  private static func sleep(seconds: Double) async {
    try? await Task.sleep(nanoseconds: UInt64(max(0, seconds) * 1e9))
  }
}
