import Configuration
import HTTP
import LinuxIO
import LogSources
import Synchronization
import TelemetryModel
import WireFormats

/// One job's listener, program or pipe while it runs; fills the job's inbox.
final class RunningReceiver: Sendable {
  private enum Part: Sendable {
    case stream(StreamReceiver)
    case datagrams(DatagramReceiver)
    case http(HTTPServer)
    case reader(LinuxThread, StopFlag)
  }

  let inbox: ReceiverInbox
  /// Where it listens, as far as it does; tests ask for port 0.
  let address: String
  private let part: Mutex<Part?>

  private init(_ inbox: ReceiverInbox, _ part: Part, address: String) {
    self.inbox = inbox
    self.part = Mutex(part)
    self.address = address
  }

  /// Starts to receive. Throws ``AgentError`` for an address that cannot be listened on, TLS files
  /// that cannot be read, or a program that cannot be started.
  static func start(_ job: ReceiverJob, inbox: ReceiverInbox, registry: MetricsRegistry)
    throws(AgentError) -> RunningReceiver
  {
    do {
      switch job.source {
      case .syslog(let settings): return try syslog(settings, inbox)
      case .gelf(let settings):
        let address = try parse(settings.listenAddress)
        return try datagrams(address, inbox)
      case .push(let settings): return try push(settings, inbox, registry)
      case .command(let settings):
        let reader = CommandReader(settings, inbox: inbox, job: job.name)
        return try thread("command", inbox) { reader.run(stop: $0) }
      case .standardInput:
        return try thread("stdin", inbox) { stop in
          let outcome = LinePump(inbox).run(PipeReader.standardInput, stop: stop)
          if outcome == .ended { inbox.end() }
        }
      }
    } catch let error as AgentError {
      throw AgentError("job `\(job.name)`: \(error.message)")
    } catch let error as HTTPError {
      throw AgentError("job `\(job.name)`: \(error.message)")
    } catch let error as SystemError {
      throw AgentError("job `\(job.name)`: \(error.message)")
    } catch {
      throw AgentError("job `\(job.name)`: \(error)")
    }
  }

  private static func parse(_ text: String) throws(AgentError) -> SocketAddress {
    do throws(SocketAddress.ParseError) {
      return try SocketAddress.parse(text)
    } catch { throw AgentError("listen_address: \(error.description)") }
  }

  private static func loop() throws -> EventLoop { try EventLoop.shared.get()[0] }

  private static func syslog(_ settings: SyslogConfiguration, _ inbox: ReceiverInbox) throws
    -> RunningReceiver
  {
    var text = settings.listenAddress
    if settings.listenProtocol == .unix || settings.listenProtocol == .unixgram,
      !text.hasPrefix("unix:")
    {
      text = "unix:" + text
    }
    let address = try parse(text)
    switch settings.listenProtocol {
    case .udp, .unixgram: return try datagrams(address, inbox)
    case .tcp, .unix:
      var stream = StreamReceiverSettings()
      stream.idleSeconds = settings.idleTimeout.seconds
      stream.messageBytesMax = settings.maxMessageLength
      stream.tls = TLSConfiguration(settings.tls)
      let receiver = try StreamReceiver(stream, inbox: inbox)
      let bound = try receiver.listen(address, on: try loop())
      return RunningReceiver(inbox, .stream(receiver), address: bound.description)
    }
  }

  private static func datagrams(_ address: SocketAddress, _ inbox: ReceiverInbox) throws
    -> RunningReceiver
  {
    let receiver = try DatagramReceiver(address, on: try loop()) { bytes, peer in
      if !inbox.offer(Received(.message([UInt8](bytes)), peer: peer)) { inbox.countDropped() }
    }
    return RunningReceiver(inbox, .datagrams(receiver), address: receiver.address.description)
  }

  private static func push(
    _ settings: PushReceiverConfiguration, _ inbox: ReceiverInbox, _ registry: MetricsRegistry
  ) throws -> RunningReceiver {
    let server = try HTTPServer(registry: registry)
    let host = settings.server.httpListenAddress
    let text = host.contains(":") ? "[\(host)]" : host
    let listener = try server.listen(
      try parse("\(text):\(settings.server.httpListenPort)"), name: "loki_push_api",
      tls: TLSConfiguration(settings.server.httpTLS),
      handler: PushReceiverRoutes(inbox: inbox).router.handler)
    return RunningReceiver(inbox, .http(server), address: listener.address.description)
  }

  private static func thread(
    _ name: String, _ inbox: ReceiverInbox, _ body: @escaping @Sendable (StopFlag) -> Void
  ) throws -> RunningReceiver {
    let stop = StopFlag()
    let thread = try LinuxThread.start(name: name) { body(stop) }
    return RunningReceiver(inbox, .reader(thread, stop), address: "")
  }

  /// Receives nothing more. Blocks shortly.
  func stop() {
    let part = part.withLock { part in
      defer { part = nil }
      return part
    }
    switch part {
    case .stream(let receiver): receiver.close()
    case .datagrams(let receiver): receiver.close()
    case .http(let server): Task { await server.drain(seconds: 1) }
    case .reader(let thread, let stop):
      stop.set()
      thread.join()
    case nil: break
    }
  }
}

extension TLSConfiguration {
  /// nil where there is no certificate.
  init?(_ settings: ReceiverTLS) {
    guard !settings.isOff else { return nil }
    self.init(
      certificatePath: settings.certificateFile, keyPath: settings.keyFile,
      clientAuthorityPath: settings.caFile.isEmpty ? nil : settings.caFile)
  }
}
