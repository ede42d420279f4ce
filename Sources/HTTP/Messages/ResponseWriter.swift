/// Answers one request: at once with ``respond(_:headers:body:)``, or piece by piece.
///
/// Piece by piece is ``head(_:headers:)``, any number of ``write(_:)``, ``end(trailers:)``. A
/// handler that returns without an end has its response ended, and one that never began it is
/// answered with 500. Errors are ``HTTPError``: `disconnected`, or `misuse` for a wrong order.
package struct ResponseWriter: Sendable {
  let connection: Connection
  let id: Int32

  /// Sends a whole response with its Content-Length.
  package func respond(_ status: HTTPStatus, headers: HTTPHeaders = [:], body: [UInt8] = [])
    async throws(HTTPError)
  {
    try await connection.respond(id, status, headers, body)
  }

  /// Sends a whole response of that content type.
  package func respond(_ status: HTTPStatus, contentType: String, body: [UInt8])
    async throws(HTTPError)
  {
    try await connection.respond(id, status, ["content-type": contentType], body)
  }

  /// Sends a whole response of plain text.
  package func respond(_ status: HTTPStatus, text: String) async throws(HTTPError) {
    try await respond(status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
  }

  /// Begins a response. A Content-Length among the headers must be kept to by the writes.
  package func head(_ status: HTTPStatus, headers: HTTPHeaders = [:]) async throws(HTTPError) {
    try await connection.begin(id, status, headers)
  }

  /// Sends body bytes; suspended while the client takes them too slowly.
  ///
  /// Thus a handler never has more than a high-water mark of bytes waiting, whatever it writes.
  package func write(_ bytes: [UInt8]) async throws(HTTPError) {
    try await connection.write(id, bytes)
  }

  /// Ends the response; trailers reach HTTP/2 clients and HTTP/1.1 ones of chunked bodies.
  package func end(trailers: HTTPHeaders = [:]) async throws(HTTPError) {
    try await connection.end(id, trailers)
  }

  /// Ends an exchange that cannot be ended well: the client sees a broken response.
  package func abort() async { await connection.abort(id) }
}

/// Answers a request. Runs as a task on the connection's loop, so that it must not block.
///
/// The task is cancelled when the client goes away. An ``HTTPError`` that is thrown becomes the
/// answer, where none has begun; any other error becomes a 500.
package typealias HTTPHandler = @Sendable (Request, ResponseWriter) async throws -> Void
