import Bytes
import LinuxIO

/// The client's side of a WebSocket (RFC 6455) that mostly listens.
///
/// libcurl makes the connection, so that TLS, proxies and certificates are as for ``HTTPClient``.
package struct WebSocketClient: Sendable {
  /// How a WebSocket ended that did not break.
  package enum Ending: Sendable, Equatable {
    /// The server closed, with its code and reason; 1005 where it gave none.
    case closed(code: UInt16, reason: String)
    /// The receiver wanted no more, or the task was cancelled.
    case left
    /// The server answered the handshake with another status than 101; the body's beginning.
    case refused(status: Int, body: [UInt8])
  }

  /// Takes a message whole; `false` ends the WebSocket. Called on the connection's thread, which
  /// reads no further meanwhile: a slow receiver slows the server down.
  package typealias Receiver = @Sendable ([UInt8]) -> Bool

  private let configuration: HTTPClientConfiguration

  package init(_ configuration: HTTPClientConfiguration) { self.configuration = configuration }

  /// Opens `url` (`http://…` or `https://…`), hands its messages to `receiver`, and returns when
  /// it ended. `onOpen` is called once after the handshake.
  ///
  /// A server that is silent for a minute although it was pinged counts as gone. Throws
  /// ``HTTPClientError`` when there is no connection, or it breaks.
  package func run(
    _ url: String, headers: HTTPHeaders = [:], onOpen: @escaping @Sendable () -> Void = {},
    receiver: @escaping Receiver
  ) async throws(HTTPClientError) -> Ending {
    let cancellation = CancelFlag()
    let configuration = self.configuration
    let result: Result<Ending, HTTPClientError> = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        do throws(SystemError) {
          try LinuxThread.startDetached(name: "websocket") {
            do throws(HTTPClientError) {
              let session = try WebSocketSession(url, configuration, cancellation)
              if let refusal = try session.shakeHands(headers) {
                return continuation.resume(returning: .success(refusal))
              }
              onOpen()
              continuation.resume(returning: .success(try session.listen(receiver)))
            } catch {
              continuation.resume(returning: .failure(error))
            }
          }
        } catch {
          continuation.resume(returning: .failure(HTTPClientError(.setup, url, error.message)))
        }
      }
    } onCancel: {
      cancellation.set()
    }
    return try result.get()
  }
}
