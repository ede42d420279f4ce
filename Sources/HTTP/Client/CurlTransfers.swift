import CCurl
import LinuxIO
import Synchronization

/// The thread of one client: takes orders, drives curl's multi handle, and answers.
final class CurlTransfers: Sendable {
  private struct State {
    var orders: [CurlOrder] = []
    var hasCancellations = false
    /// Orders that were taken in and not answered yet.
    var open = 0
    var lastID: UInt64 = 0
    var isStopped = false
  }

  private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  private let state = Mutex(State())
  private let configuration: HTTPClientConfiguration
  // curl_multi_wakeup may be called from any thread; all else is done by our own thread.
  private nonisolated(unsafe) let multi: UnsafeMutableRawPointer

  init(_ configuration: HTTPClientConfiguration) throws(HTTPClientError) {
    guard Self.isReady, let made = curl_multi_init() else {
      throw HTTPClientError(.setup, "", "libcurl cannot be started")
    }
    ProcessSignal.ignoreBrokenPipes()
    multi = made
    self.configuration = configuration
    sluice_curl_multi_set_long(
      made, CURLMOPT_MAX_HOST_CONNECTIONS, configuration.connectionsPerHostMax)
    do throws(SystemError) {
      _ = try LinuxThread.start(name: "http-client") { [self] in serve() }
    } catch {
      throw HTTPClientError(.setup, "", error.message)
    }
  }

  deinit { curl_multi_cleanup(multi) }

  func newID() -> UInt64 {
    state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
  }

  func begin(_ order: CurlOrder) {
    let refusal: HTTPClientError? = state.withLock { state in
      if state.isStopped || order.cancellation.isSet {
        return HTTPClientError(.cancelled, order.request.url, "the request was cancelled")
      }
      guard state.open < configuration.requestsMax else {
        return HTTPClientError(
          .overloaded, order.request.url,
          "\(configuration.requestsMax) requests wait already; try again later")
      }
      state.open += 1
      state.orders.append(order)
      return nil
    }
    if let refusal {
      order.continuation.resume(returning: .failure(refusal))
    } else {
      curl_multi_wakeup(multi)
    }
  }

  func cancel(_ cancellation: CancelFlag) {
    cancellation.set()
    state.withLock { $0.hasCancellations = true }
    curl_multi_wakeup(multi)
  }

  func stop() {
    state.withLock { $0.isStopped = true }
    curl_multi_wakeup(multi)
  }

  // MARK: The thread

  private func serve() {
    var running: [UInt64: CurlTransfer] = [:]
    while true {
      let (orders, hasCancellations, isStopped) = state.withLock { state in
        defer {
          state.orders = []
          state.hasCancellations = false
        }
        return (state.orders, state.hasCancellations, state.isStopped)
      }
      for order in orders { admit(order, &running) }
      for transfer in isStopped || hasCancellations ? Array(running.values) : [] {
        guard isStopped || transfer.order.cancellation.isSet else { continue }
        running[transfer.order.id] = nil
        curl_multi_remove_handle(multi, transfer.handle)
        finish(
          transfer,
          .failure(
            HTTPClientError(.cancelled, transfer.order.request.url, "the request was cancelled")))
      }
      if isStopped { return }
      var count: Int32 = 0
      curl_multi_perform(multi, &count)
      while let message = curl_multi_info_read(multi, &count) {
        guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle,
          let owner = sluice_curl_owner(handle)
        else { continue }
        let code = sluice_curl_message_result(message)
        let transfer = Unmanaged<CurlTransfer>.fromOpaque(owner).takeUnretainedValue()
        curl_multi_remove_handle(multi, handle)
        running[transfer.order.id] = nil
        finish(transfer, transfer.result(code))
      }
      curl_multi_poll(multi, nil, 0, 1000, nil)
    }
  }

  private func admit(_ order: CurlOrder, _ running: inout [UInt64: CurlTransfer]) {
    guard let transfer = CurlTransfer(order, configuration) else {
      state.withLock { $0.open -= 1 }
      order.continuation.resume(
        returning: .failure(
          HTTPClientError(.setup, order.request.url, "the URL or a setting is of no use")))
      return
    }
    running[order.id] = transfer
    curl_multi_add_handle(multi, transfer.handle)
  }

  private func finish(
    _ transfer: CurlTransfer, _ result: Result<HTTPClientResponse, HTTPClientError>
  ) {
    state.withLock { $0.open -= 1 }
    transfer.order.continuation.resume(returning: result)
  }
}
