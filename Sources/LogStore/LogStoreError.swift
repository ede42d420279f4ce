/// Why the log store could not do what it was asked.
package struct LogStoreError: Error, Hashable {
  package enum Code: String, Hashable, Sendable {
    /// The push breaks a limit or is malformed; `status` says which HTTP status fits.
    case refused
    /// No more can be taken now: the disk is full, or writes are paused.
    case unavailable
    /// Bytes on disk are not what was written; the rest of the store stays readable.
    case corrupt
    /// The operating system refused a call.
    case system
    /// The store is being closed, or the folder is in use.
    case closed
    /// The caller's question is malformed, such as a regex that does not compile.
    case badQuery
    /// The caller's cancellation check said so.
    case cancelled
  }

  package var code: Code
  /// What happened, to what, and what to do.
  package var message: String
  /// The HTTP status that Loki answers with in this case.
  package var status: Int

  package init(_ code: Code, _ message: String, status: Int? = nil) {
    self.code = code
    self.message = message
    self.status =
      status
      ?? {
        switch code {
        case .refused, .badQuery: 400
        case .unavailable, .closed: 503
        case .cancelled: 499
        case .corrupt, .system: 500
        }
      }()
  }
}
