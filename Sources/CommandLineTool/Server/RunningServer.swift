import Collector
import Configuration
import HTTP
import LinuxIO
import LogStore
import LokiAPI
import SpanStore
import Storage
import TelemetryModel
import WireFormats

/// The server's parts while they run: two stores and the listeners in front of them.
final class RunningServer: Sendable {
  private let http: HTTPServer
  private let datagrams: [JaegerDatagrams]
  private let logs: LogStore
  private let spans: SpanStore
  private let intake: SpanIntake
  private let shutdownSeconds: Double
  /// What goes on beside the requests; ends by cancellation.
  private let background: [Task<Void, Never>]

  private init(
    http: HTTPServer, datagrams: [JaegerDatagrams], logs: LogStore, spans: SpanStore,
    intake: SpanIntake, shutdownSeconds: Double, background: [Task<Void, Never>]
  ) {
    self.background = background
    self.http = http
    self.datagrams = datagrams
    self.logs = logs
    self.spans = spans
    self.intake = intake
    self.shutdownSeconds = shutdownSeconds
  }

  /// Opens the stores, replays what was not in segments, and listens.
  ///
  /// - Throws: ``CommandFailure`` that names the folder's holder, the address in use, or the file.
  static func start(_ configuration: ServerConfiguration) async throws -> RunningServer {
    let log = Log("server")
    let files = RealFileSystem()
    let clock = SystemClock()
    let began = clock.monotonic()
    let blocking = try BlockingExecutor(name: "blocking", threadCount: 16)
    // Before the store opens: it drops rows by these rules from its first moment on.
    let overrides = try readOverrides(configuration, files)
    let (logs, spans) = try await openStores(configuration, overrides, files, clock)
    let server = try HTTPServer(limits: HTTPLimits(configuration.http))
    let tenants = TenantLimits(configuration, overrides, logs: logs, fileSystem: files)
    let intake: SpanIntake
    do {
      intake = try await SpanIntake(spans, configuration, clock: clock)
    } catch {
      await logs.close()
      await spans.close()
      throw error
    }
    let watch = Task { await tenants.watch(on: blocking) }
    let measuring = Task { await intake.watch() }
    let faces = ServerFaces(
      configuration: configuration, logs: logs, spans: spans, intake: intake, blocking: blocking,
      clock: clock, tenants: tenants,
      patterns: try patternFinder(configuration, logs, blocking, clock))
    var datagrams: [JaegerDatagrams] = []
    do {
      for (name, encoding, address) in configuration.listen.datagrams {
        do {
          datagrams.append(
            try JaegerDatagrams(
              try SocketAddress.parse(address.description), encoding,
              on: try EventLoop.shared.get()[0], sink: intake))
        } catch let error as SystemError {
          throw CommandFailure(
            message: error.listening(on: address.description, for: name))
        }
        log.info("listening", ["what": name, "address": address.description])
      }
      for face in faces.all {
        guard let address = face.address else { continue }
        try server.listen(
          try SocketAddress.parse(address.description), name: face.name,
          tls: configuration.tls.map(TLSConfiguration.init), errorBody: face.errorBody,
          handler: face.router.handler)
        log.info("listening", ["what": face.name, "address": address.description])
      }
    } catch {
      watch.cancel()
      measuring.cancel()
      await server.drain(seconds: 0)
      for receiver in datagrams { await receiver.close() }
      await intake.stop()
      await logs.close()
      await spans.close()
      throw error as? CommandFailure ?? CommandFailure(message: "\(error)")
    }
    faces.readiness.reach()
    log.info(
      "ready",
      [
        "data_dir": configuration.dataDirectory,
        "milliseconds": (clock.monotonic().nanoseconds - began.nanoseconds) / 1_000_000,
      ])
    return RunningServer(
      http: server, datagrams: datagrams, logs: logs, spans: spans, intake: intake,
      shutdownSeconds: configuration.http.shutdownTimeout.seconds,
      background: [watch, measuring])
  }

  private static func readOverrides(
    _ configuration: ServerConfiguration, _ files: RealFileSystem
  ) throws(CommandFailure) -> TenantOverrides {
    do throws(ConfigurationError) {
      return try TenantLimits.read(configuration.runtime, configuration.limits, files)
    } catch { throw CommandFailure(message: error.description) }
  }

  /// Opens both stores, replaying what was not in segments.
  private static func openStores(
    _ configuration: ServerConfiguration, _ overrides: TenantOverrides, _ files: RealFileSystem,
    _ clock: SystemClock
  ) async throws -> (LogStore, SpanStore) {
    let bytes = configuration.storage.retentionBytes
    let budget = bytes > 0 ? DiskBudget(bytesMax: bytes) : nil
    do {
      let logs = try await LogStore.open(
        configuration.storage(of: .logs, named: "logs", budget), limits: configuration.limits,
        overrides: overrides.limits, fileSystem: files, clock: clock)
      let spans = try await SpanStore.open(
        configuration.storage(of: .spans, named: "spans", budget), fileSystem: files, clock: clock)
      return (logs, spans)
    } catch let error as LogStoreError {
      throw CommandFailure(message: error.message)
    } catch let error as SpanStoreError {
      throw CommandFailure(message: error.message)
    }
  }

  /// What finds patterns in the lines of `logs`, where that is configured.
  private static func patternFinder(
    _ configuration: ServerConfiguration, _ logs: LogStore, _ executor: BlockingExecutor,
    _ clock: any WallClock
  ) throws(CommandFailure) -> PatternFinder? {
    guard configuration.patterns.enabled else { return nil }
    let finder = PatternFinder(configuration.patterns, executor: executor, clock: clock)
    do throws(LogStoreError) {
      try finder.follow(logs)
    } catch { throw CommandFailure(message: error.message) }
    return finder
  }

  /// Closes the listeners, lets requests finish, and leaves what was acknowledged durable.
  func stop() async {
    for task in background { task.cancel() }
    await http.drain(seconds: shutdownSeconds)
    for receiver in datagrams { await receiver.close() }
    await intake.stop()
    await logs.close()
    await spans.close()
    Log("server").info("stopped")
  }
}

extension ServerConfiguration {
  /// How one of the two stores is kept.
  fileprivate func storage(of kind: StoreKind, named name: String, _ budget: DiskBudget?)
    -> StorageConfiguration
  {
    var out = StorageConfiguration(name: name, folder: "\(dataDirectory)/\(name)", kind: kind)
    out.wal.fileBytes = storage.walFileSize
    out.headBytesFlush = storage.headMaxSize
    out.headAgeFlush = storage.headMaxAge
    out.retention = retention
    out.retentionInterval = storage.retentionInterval
    out.budget = budget
    out.compactionShare = storage.compactionShare
    out.deleteCancelPeriod = deletes.cancelPeriod
    out.freeBytesMin = Int64(storage.minFreeDisk)
    return out
  }
}

extension HTTPLimits {
  /// The defaults with what the configuration sets.
  fileprivate init(_ settings: HTTPSettings) {
    self.init()
    connectionsMax = settings.maxConnections
    if settings.maxConnectionsPerAddress > 0 {
      connectionsPerAddressMax = settings.maxConnectionsPerAddress
    }
    headBytesMax = settings.maxHeaderSize
    // Handlers refuse what is above the limit in their protocol's words; this one is for what is
    // far above.
    bodyBytesMax = max(settings.maxBodySize &* 2, 1 << 20)
    bodiesBytesMax = settings.maxBufferedBodies
    headSeconds = settings.headerTimeout.seconds
    bodyStallSeconds = settings.bodyTimeout.seconds
    writeStallSeconds = settings.writeTimeout.seconds
    idleSeconds = settings.idleTimeout.seconds
    streamsMax = settings.maxStreams
  }
}

extension TLSConfiguration {
  fileprivate init(_ settings: ServerTLS) {
    self.init(
      certificatePath: settings.certificateFile, keyPath: settings.keyFile,
      clientAuthorityPath: settings.clientCAFile)
  }
}

extension ListenAddresses {
  /// The listeners that are UDP's.
  fileprivate var datagrams: [(String, ThriftReader.Encoding, ListenAddress)] {
    let all: [(String, ThriftReader.Encoding, ListenAddress?)] = [
      ("jaeger_compact", .compact, jaegerCompact), ("jaeger_binary", .binary, jaegerBinary),
    ]
    return all.compactMap { name, encoding, address in address.map { (name, encoding, $0) } }
  }
}
