/// Sends one push body to one destination and tells what came of it.
package protocol PushTransport: Sendable {
  /// Never throws: a connection that fails is an answer too. Ends early when the task is
  /// cancelled.
  func push(_ body: [UInt8], tenant: String) async -> PushResponse
}

/// What came of a push.
package struct PushResponse: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// The server answered with this status.
    case status(Int)
    /// There was no answer: connection refused, reset, timed out, name unknown.
    case unreachable
  }

  package var kind: Kind
  /// `Retry-After` in seconds, where the server sent one.
  package var retryAfterSeconds: Double?
  /// The answer's body or the connection's error, cut to a few hundred bytes.
  package var message: String
  /// How many lines the server says it has stored of the body; Sluice's says so, others do not.
  package var storedLines: Int?

  package init(
    _ kind: Kind, retryAfterSeconds: Double? = nil, message: String = "", storedLines: Int? = nil
  ) {
    self.kind = kind
    self.retryAfterSeconds = retryAfterSeconds
    self.message = message
    self.storedLines = storedLines
  }
}

/// What follows from a response.
package enum PushVerdict: Hashable, Sendable {
  case accepted
  /// To be tried again: too many requests, a server's fault, no connection.
  case retry
  /// Final: the server will not take this body. Loki answers 400 for a body of which it took all
  /// but some entries, which is final too.
  case refused

  package init(_ response: PushResponse) {
    switch response.kind {
    case .unreachable: self = .retry
    case .status(let status):
      switch status {
      case 200..<300: self = .accepted
      case 408, 429, 500...599: self = .retry
      // Redirects that were not followed, informational answers: somebody else is there.
      case ..<400: self = .retry
      default: self = .refused
      }
    }
  }
}
