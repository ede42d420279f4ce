import LinuxIO

/// One HTTP/2 stream: the request as it is put together, and the response as it waits.
final class HTTP2Stream {
  let id: Int32
  var exchange: Exchange?

  // The request's head.
  var method: HTTPMethod = .get
  var path = ""
  var authority = ""
  var headers = HTTPHeaders()
  var headBytes = 0
  var isHeadTooLarge = false
  var isHeadComplete = false

  // The request's body.
  var isInputEnded = false
  /// Bytes that were received and not yet given back to the sender's window.
  var unconsumed = 0
  var bodyStart = MonotonicTime(nanoseconds: 0)
  var lastMoved = MonotonicTime(nanoseconds: 0)

  // The response.
  var outgoing = OutputQueue()
  var isOutputEnded = false
  var isDeferred = false
  var trailers = HTTPHeaders()

  init(id: Int32) { self.id = id }
}
