import Bytes
import COpenSSL
import LinuxIO

/// One whole message of a WebSocket.
package enum WebSocketMessage: Sendable, Hashable {
  case text(String)
  case binary([UInt8])

  /// Bytes of its payload.
  var byteCount: Int {
    switch self {
    case .text(let text): text.utf8.count
    case .binary(let bytes): bytes.count
    }
  }
}

/// A WebSocket's server side (RFC 6455), as handlers use it. Pings are answered by themselves.
package struct WebSocket: Sendable {
  let connection: Connection

  /// The next message, or `nil` once the client closed in order.
  ///
  /// Throws ``HTTPError`` `disconnected` when the connection broke, the client broke the protocol,
  /// or the calling task is cancelled. One task may receive while another sends.
  package func receive() async throws(HTTPError) -> WebSocketMessage? {
    let connection = self.connection
    let result: Result<WebSocketMessage?, HTTPError> = await withTaskCancellationHandler {
      do throws(HTTPError) {
        return .success(try await connection.receiveMessage())
      } catch {
        return .failure(error)
      }
    } onCancel: {
      connection.loop.atEndOfTurn { connection.onLoop { $0.webSocket?.cancelReader() } }
    }
    return try result.get()
  }

  /// Sends a text message; suspended while the client takes too slowly.
  package func send(text: String) async throws(HTTPError) {
    try await send(text: Array(text.utf8))
  }

  /// Sends bytes, which must be UTF-8, as a text message.
  package func send(text bytes: [UInt8]) async throws(HTTPError) {
    try await connection.sendFrame(WebSocketFrame.encode(.text, bytes))
  }

  package func send(binary bytes: [UInt8]) async throws(HTTPError) {
    try await connection.sendFrame(WebSocketFrame.encode(.binary, bytes))
  }

  /// Says goodbye with a code of RFC 6455, section 7.4, and a reason of 123 bytes at most.
  package func close(code: UInt16 = 1000, reason: String = "") async {
    await connection.closeWebSocket(code, reason)
  }
}

extension ResponseWriter {
  /// Turns the request into a WebSocket, or throws the ``HTTPError`` to answer with.
  ///
  /// The request must be a GET of HTTP/1.1 with `Upgrade: websocket`, version 13 and a key: 400 or
  /// 426 otherwise. When the handler returns, the WebSocket is closed.
  package func upgradeToWebSocket(_ request: Request, subprotocol: String? = nil)
    async throws(HTTPError) -> WebSocket
  {
    let headers = request.headers
    guard request.version != .http2, request.method == .get,
      headers.listContains("upgrade", "websocket"), headers.listContains("connection", "upgrade")
    else {
      throw HTTPError(
        status: .upgradeRequired, "this address is a WebSocket; ask for it by an upgrade",
        headers: ["upgrade": "websocket"])
    }
    guard headers["sec-websocket-version"] == "13" else {
      throw HTTPError(
        status: .upgradeRequired, "the WebSocket version is not 13",
        headers: ["sec-websocket-version": "13"])
    }
    guard let key = headers["sec-websocket-key"],
      (try? Base64.decode(key.utf8))?.count == 16
    else {
      throw .malformed("the Sec-WebSocket-Key is not 16 bytes in base64")
    }
    var answer: HTTPHeaders = [
      "upgrade": "websocket", "sec-websocket-accept": Self.acceptance(of: key),
    ]
    if let subprotocol { answer.append("sec-websocket-protocol", subprotocol) }
    try await connection.upgrade(id, answer)
    return WebSocket(connection: connection)
  }

  /// What proves that the server understood; RFC 6455, section 4.2.2.
  static func acceptance(of key: String) -> String {
    let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
    var digest = [UInt8](repeating: 0, count: 20)
    let status = sluice_sha1(text, text.count, &digest)
    precondition(status == 1, "OpenSSL always has SHA-1 for this")
    return Base64.encode(digest)
  }
}
