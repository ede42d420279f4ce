package import LinuxIO

/// One connection's socket, with TLS over it where the listener has it.
package final class Transport {
  private var descriptor: Descriptor?
  package let number: Int32
  private let tls: TLSSession?

  init(_ descriptor: consuming Descriptor, tls: TLSSession?) {
    number = descriptor.number
    self.descriptor = consume descriptor
    self.tls = tls
  }

  /// The server's side of a connection that was accepted; with TLS where there is a context.
  package convenience init(_ descriptor: consuming Descriptor, context: TLSContext?) {
    let session = context.flatMap { [number = descriptor.number] in
      TLSSession($0, descriptor: number)
    }
    self.init(descriptor, tls: session)
  }

  var isSecure: Bool { tls != nil }

  /// The protocol that TLS agreed on, known after the handshake.
  var applicationProtocol: String? { tls?.applicationProtocol }

  /// Goes on with TLS' handshake; done at once without TLS.
  package func handshake() -> TLSSession.Progress { tls?.handshake() ?? .done }

  package func receive(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    guard descriptor != nil else { return .endOfStream }
    return tls?.receive(into: buffer) ?? StreamSocket.receive(number, into: buffer)
  }

  /// Sends as much as is taken at once; `bytes` sums what went, even where it ended badly.
  func send(_ output: inout OutputQueue) -> (bytes: Int, last: Transfer) {
    guard descriptor != nil else { return (0, .endOfStream) }
    var sum = 0
    while !output.isEmpty {
      var last = Transfer.wouldBlock
      output.withFirst { bytes, more in
        last =
          tls?.send(bytes) ?? StreamSocket.send(number, bytes, moreFollows: more)
        guard case .bytes(let count) = last else { return 0 }
        return count
      }
      guard case .bytes(let count) = last else { return (sum, last) }
      sum += count
    }
    return (sum, .bytes(sum))
  }

  /// Tells the peer that nothing more comes.
  func endWriting() {
    guard descriptor != nil else { return }
    tls?.close()
    StreamSocket.shutdownWriting(number)
  }

  /// Closes the socket; with `reset`, what the kernel still holds is thrown away.
  package func close(reset: Bool) {
    guard descriptor != nil else { return }
    if reset { StreamSocket.resetOnClose(number) } else { tls?.close() }
    descriptor = nil
  }
}
