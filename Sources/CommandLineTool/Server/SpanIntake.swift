import Collector
import Configuration
import LinuxIO
import SpanMetrics
import SpanStore
import TelemetryModel
import TraceExport

/// Where received spans go: into the store, and from there into metrics and to other collectors.
///
/// A sender is answered when the spans are durable in the store and in the exporters' queues.
final class SpanIntake: SpanSink {
  private let store: SpanStore
  private let metrics: SpanMetrics?
  private let exporters: [TraceExporter]
  private let clock: any WallClock

  /// - Throws: ``CommandFailure`` when an exporter's queue cannot be opened.
  init(_ store: SpanStore, _ configuration: ServerConfiguration, clock: any WallClock)
    async throws
  {
    self.store = store
    self.clock = clock
    let settings = configuration.metricsGenerator
    if settings.spanMetrics || settings.serviceGraph {
      var chosen = SpanMetrics.Settings()
      chosen.hasSpanMetrics = settings.spanMetrics
      chosen.hasServiceGraph = settings.serviceGraph
      chosen.pairWait = settings.wait
      chosen.pairsMax = settings.maxItems
      metrics = SpanMetrics(chosen)
    } else {
      metrics = nil
    }
    var started: [TraceExporter] = []
    for exporter in configuration.traceExporters {
      do throws(TraceExportError) {
        started.append(
          try TraceExporter.start(
            exporter, folder: "\(configuration.dataDirectory)/exporters/\(exporter.name)",
            version: sluiceVersion, fileSystem: RealFileSystem(), clock: clock))
      } catch {
        for exporter in started { await exporter.stop() }
        throw CommandFailure(message: error.message)
      }
    }
    exporters = started
  }

  nonisolated(nonsending)
    func append(tenant: TenantID, _ batch: SpanBatch) async throws(SpanStoreError)
  {
    try await store.append(tenant: tenant, batch)
    metrics?.observe(batch.request, now: Timestamp(nanoseconds: clock.now()))
    for exporter in exporters { await exporter.forward(batch.request, tenant: tenant) }
  }

  /// Lets calls go that nobody answered, until cancelled.
  func watch() async {
    while !Task.isCancelled {
      try? await Task.sleep(nanoseconds: 1_000_000_000)
      metrics?.expire(now: Timestamp(nanoseconds: clock.now()))
    }
  }

  /// Stops forwarding; what waits stays on disk.
  func stop() async { for exporter in exporters { await exporter.stop() } }
}
