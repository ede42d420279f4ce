import COpenSSL
import LinuxIO

/// TLS over one socket that does not block; lives on its connection's loop.
package final class TLSSession {
  package enum Progress: Hashable {
    case done, waiting, failed
  }

  private let session: OpaquePointer
  private var isEstablished = false

  /// `nil` where OpenSSL has no memory for it.
  init?(_ context: TLSContext, descriptor: Int32) {
    guard let made = SSL_new(context.context) else { return nil }
    guard SSL_set_fd(made, descriptor) == 1 else {
      SSL_free(made)
      return nil
    }
    SSL_set_accept_state(made)
    session = made
  }

  deinit { SSL_free(session) }

  var applicationProtocol: String? {
    var name: UnsafePointer<UInt8>?
    var length: UInt32 = 0
    SSL_get0_alpn_selected(session, &name, &length)
    guard let name, length > 0 else { return nil }
    return String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
  }

  func handshake() -> Progress {
    guard !isEstablished else { return .done }
    ERR_clear_error()
    let status = SSL_do_handshake(session)
    if status == 1 {
      isEstablished = true
      return .done
    }
    switch SSL_get_error(session, status) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .waiting
    default: return .failed
    }
  }

  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    ERR_clear_error()
    let count = SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
    return count > 0 ? .bytes(Int(count)) : outcome(count)
  }

  func send(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    ERR_clear_error()
    let count = SSL_write(session, bytes.baseAddress, Int32(clamping: bytes.count))
    return count > 0 ? .bytes(Int(count)) : outcome(count)
  }

  private func outcome(_ status: Int32) -> Transfer {
    switch SSL_get_error(session, status) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: .wouldBlock
    case SSL_ERROR_ZERO_RETURN: .endOfStream
    default: .failed(0)
    }
  }

  /// Sends the alert that closes TLS, where the handshake was done and the socket takes it.
  func close() {
    guard isEstablished else { return }
    ERR_clear_error()
    SSL_shutdown(session)
  }
}
