/// Why a request or a connection cannot go on; also thrown by handlers to answer with a status.
package struct HTTPError: Error, Hashable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    /// The message is not well formed or breaks a rule of its protocol.
    case malformed
    /// The body, or what it inflates to, is longer than was allowed.
    case bodyTooLarge
    /// The body did not come in time.
    case timedOut
    /// The peer went away; no answer can reach it.
    case disconnected
    /// The handler used its writer in a wrong order, as in two heads.
    case misuse
    /// A handler's own answer.
    case answered
    /// The server cannot listen or read its certificate.
    case setup
  }

  package let kind: Kind
  /// What the client is told.
  package let status: HTTPStatus
  /// One line that says what happened, to what, and what to do.
  package let message: String
  /// Headers that the answer has beside, such as `retry-after`.
  package let headers: HTTPHeaders

  package init(
    _ kind: Kind = .answered, status: HTTPStatus, _ message: String, headers: HTTPHeaders = [:]
  ) {
    self.kind = kind
    self.status = status
    self.message = message
    self.headers = headers
  }

  package var description: String { message }

  static func malformed(_ message: String, status: HTTPStatus = .badRequest) -> HTTPError {
    HTTPError(.malformed, status: status, message)
  }

  static func bodyTooLarge(_ bytesMax: Int) -> HTTPError {
    HTTPError(
      .bodyTooLarge, status: .contentTooLarge,
      "the request's body is longer than \(bytesMax) bytes; send it in smaller parts")
  }

  static let tooManyBodies = HTTPError(
    status: .serviceUnavailable,
    "the server holds as many bytes of request bodies as it may; try again",
    headers: ["retry-after": "1", "connection": "close"])

  static let disconnected = HTTPError(
    .disconnected, status: 499, "the client closed the connection")

  static func misuse(_ message: String) -> HTTPError {
    HTTPError(.misuse, status: .internalServerError, message)
  }
}
