import LinuxIO

/// What speaks one protocol on a connection: HTTP/1, HTTP/2 or WebSocket.
///
/// Everything runs on the connection's loop. Engines add to the core's output and never send.
protocol ProtocolEngine: AnyObject {
  /// Whether the socket should be read now.
  var wantsInput: Bool { get }
  /// When the peer must have done what it is expected to do.
  var inputDeadline: MonotonicTime { get }

  func receive(_ bytes: UnsafeRawBufferPointer)
  /// Reads from the socket straight into where bytes belong; `nil` where that is not possible.
  func receiveInPlace(_ transport: Transport) -> Transfer?
  func inputEnded()
  func inputDeadlinePassed()

  func respond(_ exchange: Exchange, _ status: HTTPStatus, _ headers: HTTPHeaders, _ body: [UInt8])
  func begin(_ exchange: Exchange, _ status: HTTPStatus, _ headers: HTTPHeaders)
  /// Queues body bytes; `true` when the writer should wait.
  func write(_ exchange: Exchange, _ bytes: [UInt8]) -> Bool
  func end(_ exchange: Exchange, _ trailers: HTTPHeaders)
  /// Breaks off an exchange so that the client sees it.
  func abort(_ exchange: Exchange)
  func bodyWasDemanded(_ exchange: Exchange)

  /// Moves what waits within the engine into the core's output.
  func fillOutput()
  /// Output was sent: writers may go on.
  func outputMoved()
  /// No new requests; the connection ends with those under way.
  func drain()
}
