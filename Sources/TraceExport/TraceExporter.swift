import Bytes
package import Configuration
import Delivery
package import LinuxIO
import Synchronization
package import TelemetryModel
import TraceFormats

/// Why an exporter could not be started: what happened, to what, in one line.
package struct TraceExportError: Error, Hashable {
  package let message: String
}

/// Forwards received spans to another collector: a disk queue, and a task that sends what is in it.
///
/// What ``forward(_:tenant:)`` took is on disk when it returns and is sent until the collector has
/// it, over restarts too; a body that it refuses for good is set aside in a folder. The same body
/// may be sent twice after a crash.
package final class TraceExporter: Sendable {
  private let configuration: TraceExporterConfiguration
  private let queue: DiskQueue
  private let destination: Destination
  /// Appends to the queue, which may wait for room; the sending has a thread of its own.
  private let executor: BlockingExecutor
  private let sender: BlockingExecutor
  /// One for each thread that appends.
  private let signals = Mutex<[ThreadSignal]>([])
  private let work = Mutex<Task<Void, Never>?>(nil)

  /// Spans of one body at most.
  static let spansMax = 5_000

  /// Opens the queue in `folder` and starts to send.
  ///
  /// - Throws: ``TraceExportError``, when another process has the queue, say.
  package static func start(
    _ configuration: TraceExporterConfiguration, folder: String, version: String,
    fileSystem: any FileSystem, clock: any WallClock,
    registry: MetricsRegistry = .process
  ) throws(TraceExportError) -> TraceExporter {
    do {
      let exporter = try TraceExporter(
        configuration, folder: folder, version: version, fileSystem: fileSystem, clock: clock,
        registry: registry)
      exporter.work.withLock { work in
        work = Task(executorPreference: exporter.sender) { [destination = exporter.destination] in
          await destination.run()
        }
      }
      return exporter
    } catch let error as DeliveryError {
      throw TraceExportError(message: "trace exporter \(configuration.name): \(error.message)")
    } catch {
      throw TraceExportError(message: "trace exporter \(configuration.name): \(error)")
    }
  }

  private init(
    _ configuration: TraceExporterConfiguration, folder: String, version: String,
    fileSystem: any FileSystem, clock: any WallClock, registry: MetricsRegistry
  ) throws {
    self.configuration = configuration
    executor = try BlockingExecutor(name: "export", threadCount: 2)
    sender = try BlockingExecutor(name: "export-send", threadCount: 1)
    var settings = DiskQueueSettings(folder: "\(folder)/queue")
    settings.bytesMax = Int64(configuration.queueBytesMax)
    settings.whenFull =
      switch configuration.whenFull {
      case .block: .block
      case .dropOldest: .dropOldest
      case .dropNewest: .dropNewest
      }
    queue = try DiskQueue(settings, destinations: [configuration.name], fileSystem: fileSystem)
    let transport = try HTTPPushTransport(
      configuration.http, url: configuration.url, timeout: configuration.timeout,
      extraHeaders: [("content-type", configuration.format.bodies.contentType)],
      client: configuration.name, userAgent: "sluice/\(version)", fileSystem: fileSystem)
    var target = DestinationSettings(
      key: configuration.name, name: configuration.name, url: configuration.url,
      profile: BatchProfile(externalLabels: []))
    target.tenant = configuration.tenantID
    target.backoffLeast = configuration.backoff.minPeriod
    target.backoffGreatest = configuration.backoff.maxPeriod
    destination = Destination(
      target, queue: queue, transport: transport,
      rejected: {
        RejectedBatches(folder: "\(folder)/rejected", fileSystem: fileSystem, clock: clock)
      },
      metrics: DestinationMetrics(
        registry, client: configuration.name, program: "sluice_trace_exporter"))
    registry.gauge(
      "sluice_trace_exporter_queue_bytes", help: "Bytes of spans that wait on disk.",
      labels: ["client": configuration.name]
    ) { [queue] in Double(queue.bytes) }
    registry.gauge(
      "sluice_trace_exporter_dropped_spans", help: "Spans dropped because the queue was full.",
      labels: ["client": configuration.name]
    ) { [queue] in Double(queue.counters.droppedEntries) }
  }

  /// Queues the spans of an encoded OTLP request; durable on return, or dropped as configured
  /// when the queue is full.
  package func forward(_ request: [UInt8], tenant: TenantID) async {
    let record = record(request, tenant: tenant)
    guard record.entries > 0 else { return }
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      let append: @Sendable () -> Void = { [self] in
        guard let signal = takeSignal() else { return done.resume() }
        defer { signals.withLock { $0.append(signal) } }
        do throws(DeliveryError) {
          try queue.append(record, signal: signal) { _ in done.resume() }
        } catch {
          done.resume()
        }
      }
      Task { [executor] in await executor.run { append() } }
    }
  }

  /// A thread's signal from those that are free.
  private func takeSignal() -> ThreadSignal? {
    signals.withLock { $0.popLast() } ?? (try? ThreadSignal())
  }

  /// Stops sending; what was not sent stays on disk for the next start.
  package func stop() async {
    let task = work.withLock { $0 }
    task?.cancel()
    await task?.value
    await executor.run { [queue] in queue.close() }
    executor.shutdown()
    sender.shutdown()
  }

  // MARK: - Bodies

  /// The request as bodies of the format; as it came where nothing has to change.
  private func record(_ request: [UInt8], tenant: TenantID) -> QueueRecord {
    var record = QueueRecord()
    let name = tenant == .single ? "" : tenant.name
    let format = configuration.format.bodies
    if format == .otlp, configuration.sample >= 1 {
      let count = (try? OTLPTraceProtobuf.spanCount(of: request)) ?? 1
      record.bodies = [Self.body(request, spans: count, tenant: name)]
      return record
    }
    guard let batches = try? OTLPTraceProtobuf.decode(request) else { return record }
    let chosen = TraceSampler(part: configuration.sample).sample(batches)
    for part in chosen.split(spansMax: Self.spansMax) {
      let bodies = format.bodies(part)
      let spans = part.spanCount
      for (index, body) in bodies.enumerated() {
        // Spans are counted once, however many bodies they take.
        record.bodies.append(Self.body(body, spans: index == 0 ? spans : 0, tenant: name))
      }
    }
    return record
  }

  private static func body(_ bytes: [UInt8], spans: Int, tenant: String) -> QueuedBody {
    QueuedBody(profile: 0, tenant: tenant, entries: spans, lineBytes: bytes.count, bytes: bytes)
  }
}

extension TraceExporterConfiguration.Format {
  fileprivate var bodies: TraceExportFormat {
    switch self {
    case .otlp: .otlp
    case .jaeger: .jaeger
    case .zipkin: .zipkin
    }
  }
}
