package import LinuxIO

/// One request as handlers see it: its head, and its body on demand.
package struct Request: Sendable {
  package let method: HTTPMethod
  package let target: RequestTarget
  package let headers: HTTPHeaders
  package let version: HTTPVersion
  /// The other side's address; a proxy's where there is one between.
  package let peer: SocketAddress
  package let isSecure: Bool
  /// What the route's `{names}` matched, decoded.
  package var parameters: [String: String] = [:]

  let connection: Connection
  let id: Int32
  /// Whether a body may come at all.
  let hasBody: Bool

  /// The names and values after the question mark; 400 where they are malformed.
  package func query() throws(HTTPError) -> FormItems {
    try FormItems.parse(target.rawQuery.utf8)
  }

  /// The items of a form body, if the request has one, followed by those of the query.
  package func form(bytesMax: Int = 1 << 20) async throws(HTTPError) -> FormItems {
    let query = try query()
    guard hasBody, mediaType == "application/x-www-form-urlencoded" else { return query }
    let body = try await decodedBody(bytesMax: bytesMax, inflatedBytesMax: bytesMax)
    return try FormItems.parse(body).appending(query)
  }

  /// The Content-Type in small letters without its parameters, or `nil`.
  package var mediaType: String? {
    headers["content-type"].map { value in
      let end = value.firstIndex(of: ";") ?? value.endIndex
      return String(decoding: trimBlanks(value[..<end].utf8), as: UTF8.self).lowercased()
    }
  }

  /// The length that the request states for its body, in bytes; `nil` where it states none.
  package var contentLength: Int? { headers["content-length"].flatMap { Int($0) } }

  /// The whole body as it was sent, of `bytesMax` bytes at most; call it once.
  ///
  /// Throws ``HTTPError``: `bodyTooLarge` (413) without reading on, `timedOut` (408),
  /// `disconnected`, or `malformed` (400). An uncaught one becomes the answer.
  package func body(bytesMax: Int) async throws(HTTPError) -> [UInt8] {
    guard hasBody else { return [] }
    if let length = contentLength, length > bytesMax { throw .bodyTooLarge(bytesMax) }
    return try await connection.body(id, wholeBytesMax: bytesMax) ?? []
  }

  /// The next bytes of the body as they come, or `nil` at its end.
  ///
  /// Throws what ``body(bytesMax:)`` throws.
  package func nextChunk() async throws(HTTPError) -> [UInt8]? {
    guard hasBody else { return nil }
    return try await connection.body(id, wholeBytesMax: nil)
  }

  /// Whether the client went away; the handler's task is cancelled then too.
  package var isClientGone: Bool { Task.isCancelled }
}
