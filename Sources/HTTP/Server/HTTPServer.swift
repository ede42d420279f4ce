package import LinuxIO
import Synchronization
package import TelemetryModel

/// The content type (empty for none) and the bytes that tell a client about an error.
package typealias ErrorBody = @Sendable (HTTPError) -> (contentType: String, body: [UInt8])

/// Listeners for HTTP/1.1, HTTP/2, gRPC and WebSockets, over shared loops and under shared limits.
///
/// Any thread may call it. It lives until ``drain(seconds:)`` has returned.
package final class HTTPServer: Sendable {
  /// A place where the server listens.
  package struct Listener: Sendable {
    package let name: String
    /// With the port that the kernel chose when 0 was asked for.
    package let address: SocketAddress
  }

  private let loops: [EventLoop]
  private let limits: HTTPLimits
  private let registry: MetricsRegistry
  private let census = Census()
  private let sockets = Mutex<[ListeningSocket]>([])
  private let log: Log

  /// Makes a server on `loops`, by default the process' shared ones.
  ///
  /// Raises the process' limit of open files, ignores SIGPIPE, and lets freed buffers be kept.
  ///
  /// Throws ``HTTPError`` where the kernel gives no loops.
  package init(
    limits: HTTPLimits = HTTPLimits(), loops: [EventLoop]? = nil,
    registry: MetricsRegistry = .process, log: Log = Log("http")
  ) throws(HTTPError) {
    ProcessLimits.raiseOpenFiles()
    ProcessLimits.keepFreedBuffers()
    // OpenSSL writes without a flag that would say so for each call.
    ProcessSignal.ignoreBrokenPipes()
    if let loops {
      precondition(!loops.isEmpty, "a server needs a loop")
      self.loops = loops
    } else {
      do throws(SystemError) {
        self.loops = try EventLoop.shared.get()
      } catch {
        throw HTTPError(
          .setup, status: .internalServerError, "no event loop can be started: \(error.message)")
      }
    }
    self.limits = limits
    self.registry = registry
    self.log = log
  }

  deinit { for socket in sockets.withLock({ $0 }) { socket.close() } }

  /// Plain text, one line.
  package static let plainErrorBody: ErrorBody = { error in
    ("text/plain; charset=utf-8", Array((error.message + "\n").utf8))
  }

  /// Listens at once; requests go to `handler`. `name` stands in metrics and the log.
  ///
  /// Throws ``HTTPError`` when the address cannot be listened on or TLS' files cannot be read.
  @discardableResult
  package func listen(
    _ address: SocketAddress, name: String, tls: TLSConfiguration? = nil,
    limits: HTTPLimits? = nil, errorBody: @escaping ErrorBody = HTTPServer.plainErrorBody,
    handler: @escaping HTTPHandler
  ) throws(HTTPError) -> Listener {
    var context: TLSContext?
    if let tls { context = try TLSContext(tls) }
    let service = Service(
      name: name, handler: handler, limits: limits ?? self.limits, tls: context,
      errorBody: errorBody, metrics: HTTPMetrics(listener: name, registry: registry), log: log,
      census: census)
    let acceptor = sockets.withLock { loops[$0.count % loops.count] }
    do throws(SystemError) {
      let socket = try ListeningSocket(address, on: acceptor) { [weak self] descriptor, peer in
        self?.accept(descriptor, peer, service)
      }
      sockets.withLock { $0.append(socket) }
      return Listener(name: name, address: socket.address)
    } catch {
      throw HTTPError(
        .setup, status: .internalServerError,
        error.listening(on: address.description, for: name))
    }
  }

  private func accept(_ descriptor: consuming Descriptor, _ peer: SocketAddress, _ service: Service)
  {
    switch census.admit(peer, service.limits) {
    case .admitted: break
    case .tooMany:
      turnAway(descriptor, .serviceUnavailable, service)
      return
    case .tooManyOfAddress:
      turnAway(descriptor, .tooManyRequests, service)
      return
    }
    var loop = loops[0]
    for other in loops.dropFirst() where other.registrationCount < loop.registrationCount {
      loop = other
    }
    let connection = Connection(descriptor, peer: peer, loop: loop, service: service)
    census.connectionBegan(connection)
    service.metrics.connections.increment()
    loop.atEndOfTurn { connection.assumeIsolated { $0.open() } }
  }

  /// Tells a client without TLS why, as far as the socket takes it at once.
  private func turnAway(
    _ descriptor: consuming Descriptor, _ status: HTTPStatus, _ service: Service
  ) {
    service.metrics.refused("connections_\(status.code)")
    guard service.tls == nil else { return }
    let text =
      "HTTP/1.1 \(status.code) \(status.reason)\r\ncontent-length: 0\r\n"
      + "retry-after: 1\r\nconnection: close\r\n\r\n"
    Array(text.utf8).withUnsafeBytes { _ = StreamSocket.send(descriptor.number, $0) }
    StreamSocket.shutdownWriting(descriptor.number)
  }

  /// Open connections of all listeners.
  package var connectionCount: Int { census.connectionCount }

  /// Ends the server: listeners close, requests under way finish, idle connections close.
  ///
  /// What is not done after `seconds` is cut off and its handlers cancelled. Returns whether all
  /// was done in time.
  @discardableResult
  package func drain(seconds: Double) async -> Bool {
    let open = sockets.withLock { sockets in
      defer { sockets = [] }
      return sockets
    }
    for socket in open { socket.close() }
    census.close()
    let deadline = MonotonicTime.now().adding(seconds: seconds)
    for connection in census.connections { await connection.drain() }
    while census.connectionCount > 0, MonotonicTime.now() < deadline {
      try? await Task.sleep(nanoseconds: 10_000_000)
    }
    let rest = census.connections
    for connection in rest { await connection.closeNow() }
    return rest.isEmpty
  }
}
