import Synchronization

/// Sends requests by libcurl on a thread of its own; connections are kept and used again.
///
/// Any task may call it. It holds its thread until the last reference is gone or ``close()``.
package final class HTTPClient: Sendable {
  /// Takes body bytes as they come, valid during the call; `false` breaks off the transfer.
  ///
  /// Called on the client's thread: it must be short, since other transfers wait.
  package typealias Receiver = @Sendable (UnsafeRawBufferPointer) -> Bool

  private let transfers: CurlTransfers
  private let configuration: HTTPClientConfiguration

  /// Throws ``HTTPClientError`` `setup` where libcurl or a thread cannot be had.
  package init(_ configuration: HTTPClientConfiguration = .init()) throws(HTTPClientError) {
    self.configuration = configuration
    transfers = try CurlTransfers(configuration)
  }

  deinit { transfers.stop() }

  /// Fails what is under way with `cancelled`, and all that comes later.
  package func close() { transfers.stop() }

  /// Sends a request and waits for the whole answer.
  ///
  /// Cancelling the task breaks the transfer off.
  package func send(_ request: HTTPClientRequest) async throws(HTTPClientError)
    -> HTTPClientResponse
  {
    try await start(request, onHead: nil, receiver: nil)
  }

  /// Sends a request and hands the answer's body to `receiver` as it comes.
  ///
  /// `onHead` is called once before, on the client's thread, with the status and the fields; with
  /// `false` as its answer the body is kept in the response as by ``send(_:)``: for errors.
  package func stream(
    _ request: HTTPClientRequest,
    onHead: @escaping @Sendable (Int, HTTPHeaders) -> Bool = { status, _ in status < 300 },
    receiver: @escaping Receiver
  ) async throws(HTTPClientError) -> HTTPClientResponse {
    try await start(request, onHead: onHead, receiver: receiver)
  }

  private func start(
    _ request: HTTPClientRequest, onHead: (@Sendable (Int, HTTPHeaders) -> Bool)?,
    receiver: Receiver?
  ) async throws(HTTPClientError) -> HTTPClientResponse {
    let transfers = self.transfers
    let id = transfers.newID()
    let cancellation = CancelFlag()
    let result: Result<HTTPClientResponse, HTTPClientError> = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        transfers.begin(
          CurlOrder(
            id: id, cancellation: cancellation, request: request, onHead: onHead,
            receiver: receiver,
            continuation: continuation))
      }
    } onCancel: {
      transfers.cancel(cancellation)
    }
    return try result.get()
  }
}

/// A request on its way to the client's thread.
struct CurlOrder: Sendable {
  let id: UInt64
  let cancellation: CancelFlag
  let request: HTTPClientRequest
  let onHead: (@Sendable (Int, HTTPHeaders) -> Bool)?
  let receiver: HTTPClient.Receiver?
  let continuation: UnsafeContinuation<Result<HTTPClientResponse, HTTPClientError>, Never>
}

/// Set once, by whoever gives an order up.
final class CancelFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  var isSet: Bool { flag.load(ordering: .acquiring) }

  func set() { flag.store(true, ordering: .releasing) }
}
