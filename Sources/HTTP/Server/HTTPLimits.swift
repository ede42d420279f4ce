/// What a listener allows each connection and request; docs/network.md tells what happens beyond.
package struct HTTPLimits: Sendable {
  /// The request line and all header fields of a request, in bytes: 431 beyond.
  package var headBytesMax = 64 << 10
  /// Header fields of one request: 431 beyond.
  package var headFieldsMax = 200
  /// From a request's first byte (or the connection's start) to the end of its head: 408.
  package var headSeconds = 10.0
  /// A whole request body as it is sent, in bytes: 413 beyond. Handlers may allow less.
  package var bodyBytesMax = 128 << 20
  /// The longest silence within a body: 408.
  package var bodyStallSeconds = 15.0
  /// A body that has taken longer than ``bodyGraceSeconds`` must have come at this rate: 408.
  package var bodyBytesPerSecondMin = 512
  package var bodyGraceSeconds = 30.0
  /// Body bytes kept for a handler that does not read; then the connection is read no further.
  package var bodyBufferedBytesMax = 256 << 10
  /// Body bytes that all requests of the server hold in memory: 503 beyond.
  package var bodiesBytesMax = 512 << 20
  /// Rest of a body that is read and thrown away to keep the connection after an early answer.
  package var discardBytesMax = 256 << 10
  /// A connection without a request is closed after this silence.
  package var idleSeconds = 120.0
  /// A peer that takes nothing of what waits for it is cut off after this.
  package var writeStallSeconds = 30.0
  /// What a closing connection still listens for the peer's end.
  package var lingerSeconds = 2.0
  /// Open connections of the whole server: 503 beyond.
  package var connectionsMax = 10_000
  /// Open connections of one IPv4 address or IPv6 /64 network: 429 beyond.
  package var connectionsPerAddressMax = 4_096
  /// Requests of the whole server whose handlers run: 503 beyond.
  package var requestsInFlightMax = 4_096
  /// Bytes queued for one response (or connection) at which writers are suspended.
  package var outputBytesHigh = 256 << 10
  /// Bytes at which they are resumed.
  package var outputBytesLow = 64 << 10
  /// HTTP/2 requests of one connection at a time; further ones are refused.
  package var streamsMax = 128
  /// HTTP/2 flow control: what one request may send ahead of its handler.
  package var streamWindowBytes = 1 << 20
  /// HTTP/2 flow control: what all requests of a connection may send ahead.
  package var connectionWindowBytes = 8 << 20
  /// The greatest HTTP/2 frame that is asked for.
  package var frameBytesMax = 256 << 10
  /// HTTP/2 streams reset in a burst and per second before the connection is ended.
  package var resetsBurst = 200
  package var resetsPerSecond = 20.0
  /// PING, SETTINGS, PRIORITY and empty DATA frames, likewise.
  package var controlFramesBurst = 2_000
  package var controlFramesPerSecond = 200.0
  /// CONTINUATION frames that may follow one HEADERS frame.
  package var continuationsMax = 8
  /// A whole WebSocket message, in bytes: close code 1009 beyond.
  package var webSocketMessageBytesMax = 1 << 20
  /// A WebSocket without a frame for this long is sent a ping, and closed after as long again.
  package var webSocketPingSeconds = 30.0

  package init() {}
}
