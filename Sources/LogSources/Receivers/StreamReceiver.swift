package import HTTP
package import LinuxIO
import Synchronization

/// How a listener for streams of messages behaves.
package struct StreamReceiverSettings: Sendable {
  package var tls: TLSConfiguration?
  /// A connection without bytes for this long is closed.
  package var idleSeconds = 120.0
  package var messageBytesMax = 8192
  package var connectionsMax = 4096

  package init() {}
}

/// Listens on TCP, TLS or a Unix path for streams of syslog messages, each of which goes to the
/// inbox. Lives on event loops; a connection is not read while the inbox is full.
package final class StreamReceiver: Sendable {
  private let settings: StreamReceiverSettings
  private let inbox: ReceiverInbox
  private let context: TLSContext?
  private let connections = Mutex<[ObjectIdentifier: StreamConnection]>([:])
  private let socket = Mutex<ListeningSocket?>(nil)
  private let log = Log("syslog")

  /// Throws ``HTTPError`` for TLS files that cannot be used.
  package init(_ settings: StreamReceiverSettings, inbox: ReceiverInbox) throws(HTTPError) {
    self.settings = settings
    self.inbox = inbox
    context = try settings.tls.map { (tls) throws(HTTPError) in try TLSContext(tls) }
  }

  /// Listens at once, and gives the address with the port that was chosen.
  @discardableResult
  package func listen(_ address: SocketAddress, on loop: EventLoop) throws(SystemError)
    -> SocketAddress
  {
    let made = try ListeningSocket(address, on: loop) { [weak self] descriptor, peer in
      self?.accept(descriptor, peer, loop)
    }
    socket.withLock { $0 = made }
    return made.address
  }

  private func accept(
    _ descriptor: consuming Descriptor, _ peer: SocketAddress, _ loop: EventLoop
  ) {
    guard connections.withLock({ $0.count < settings.connectionsMax }) else {
      log.warn("too many connections: one is turned away", ["peer": peer])
      return
    }
    let connection = StreamConnection(
      Transport(descriptor, context: context), peer: peer, loop: loop, settings: settings,
      inbox: inbox
    ) { [weak self] connection in
      self?.connections.withLock { $0[ObjectIdentifier(connection)] = nil }
    }
    connections.withLock { $0[ObjectIdentifier(connection)] = connection }
    connection.open()
  }

  /// Stops listening and closes all connections.
  package func close() {
    let listener = socket.withLock { socket in
      defer { socket = nil }
      return socket
    }
    listener?.close()
    for connection in connections.withLock({ Array($0.values) }) { connection.close() }
  }
}

/// One sender's connection; its callbacks come on its loop's thread.
private final class StreamConnection: DescriptorHandler {
  private struct State {
    var transport: Transport
    var framing: SyslogFraming
    var registration: Registration?
    var isEstablished = false
    var isClosed = false
    var lastBytes = MonotonicTime.now()
  }

  private let peer: SocketAddress
  private let loop: EventLoop
  private let idleSeconds: Double
  private let inbox: ReceiverInbox
  private let whenClosed: @Sendable (StreamConnection) -> Void
  private let state: Mutex<State>
  private let log = Log("syslog")

  /// Bytes that are read in one turn of the loop, at most.
  private static let turnBytesMax = 1 << 20

  init(
    _ transport: sending Transport, peer: SocketAddress, loop: EventLoop,
    settings: StreamReceiverSettings, inbox: ReceiverInbox,
    whenClosed: @escaping @Sendable (StreamConnection) -> Void
  ) {
    self.peer = peer
    self.loop = loop
    self.inbox = inbox
    self.whenClosed = whenClosed
    idleSeconds = settings.idleSeconds
    state = Mutex(
      State(
        transport: transport, framing: SyslogFraming(bytesMax: settings.messageBytesMax)))
  }

  func open() {
    register()
    watchIdleness()
  }

  private func register() {
    let isRegistered = state.withLock { state in
      guard !state.isClosed, state.registration == nil else { return true }
      state.registration = try? loop.register(
        state.transport.number, events: [.readable, .peerClosed], handler: self)
      return state.registration != nil
    }
    if !isRegistered { close() }
  }

  private func watchIdleness() {
    let deadline = state.withLock { $0.lastBytes.adding(seconds: idleSeconds) }
    _ = loop.schedule(at: deadline) { [weak self] in
      guard let self, !self.state.withLock({ $0.isClosed }) else { return }
      let isIdle = self.state.withLock {
        MonotonicTime.now().seconds(since: $0.lastBytes) >= self.idleSeconds
      }
      if isIdle { self.close() } else { self.watchIdleness() }
    }
  }

  func descriptorIsReady(_ events: DescriptorEvents) {
    let goesOn = state.withLock { state in
      guard !state.isClosed, state.registration != nil else { return true }
      if !state.isEstablished {
        switch state.transport.handshake() {
        case .waiting: return true
        case .failed: return false
        case .done: state.isEstablished = true
        }
      }
      return read(&state)
    }
    if !goesOn { close() }
  }

  /// Reads while there is something; false when the connection is at its end.
  private func read(_ state: inout State) -> Bool {
    var left = Self.turnBytesMax
    return withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
      while left > 0 {
        guard hasRoom(&state) else { return true }
        switch state.transport.receive(into: buffer) {
        case .bytes(let count):
          left -= count
          state.lastBytes = .now()
          guard take(UnsafeRawBufferPointer(rebasing: buffer[..<count]), &state) else {
            return false
          }
        case .wouldBlock: return true
        case .endOfStream, .failed:
          state.framing.finish { _ = inbox.offer(message($0), isReadAlready: true) }
          return false
        }
      }
      // TLS may hold bytes that the kernel will not tell of.
      loop.atEndOfTurn { [weak self] in self?.descriptorIsReady([]) }
      return true
    }
  }

  /// Without room the socket is not watched, since a hang-up would be told over and over.
  private func hasRoom(_ state: inout State) -> Bool {
    if inbox.hasRoom(orCall: { [weak self] in self?.resume() }) { return true }
    if let token = state.registration { loop.deregister(token) }
    state.registration = nil
    return false
  }

  /// The inbox has room again.
  private func resume() {
    loop.atEndOfTurn { [weak self] in
      guard let self else { return }
      self.state.withLock { $0.lastBytes = .now() }
      self.register()
      self.descriptorIsReady([])
    }
  }

  private func take(_ bytes: UnsafeRawBufferPointer, _ state: inout State) -> Bool {
    let cutBefore = state.framing.cutLines
    do throws(SyslogFraming.Failure) {
      try state.framing.append(bytes) { one in
        if !inbox.offer(message(one), isReadAlready: true) { inbox.countDropped() }
      }
      if state.framing.cutLines > cutBefore {
        inbox.countMalformed(state.framing.cutLines - cutBefore)
      }
      return true
    } catch {
      inbox.countMalformed()
      log.warn("a connection is closed", ["peer": peer, "error": error.message])
      return false
    }
  }

  private func message(_ bytes: UnsafeRawBufferPointer) -> Received {
    Received(.message([UInt8](bytes)), peer: peer)
  }

  func close() {
    let wasOpen = state.withLock { state in
      guard !state.isClosed else { return false }
      state.isClosed = true
      if let token = state.registration { loop.deregister(token) }
      state.registration = nil
      state.transport.close(reset: false)
      return true
    }
    if wasOpen { whenClosed(self) }
  }
}
