import COpenSSL
import LinuxIO

/// Where a listener's certificate lies and whom it trusts.
package struct TLSConfiguration: Sendable, Hashable {
  /// A PEM file with the certificate and the ones between it and its root.
  package var certificatePath: String
  /// A PEM file with the private key.
  package var keyPath: String
  /// A PEM file of roots; where given, clients must show a certificate of one of them.
  package var clientAuthorityPath: String?

  package init(certificatePath: String, keyPath: String, clientAuthorityPath: String? = nil) {
    self.certificatePath = certificatePath
    self.keyPath = keyPath
    self.clientAuthorityPath = clientAuthorityPath
  }
}

/// OpenSSL's settings of one listener: TLS 1.2 and up, ALPN `h2` and `http/1.1`.
package final class TLSContext: Sendable {
  // OpenSSL counts references and locks by itself; the context is not changed once it is made.
  nonisolated(unsafe) let context: OpaquePointer

  package init(_ configuration: TLSConfiguration) throws(HTTPError) {
    guard let made = SSL_CTX_new(TLS_server_method()) else {
      throw Self.failure("TLS could not be set up", "")
    }
    context = made
    sluice_ssl_ctx_prepare(made)
    guard SSL_CTX_use_certificate_chain_file(made, configuration.certificatePath) == 1 else {
      throw Self.failure("the TLS certificate cannot be read", configuration.certificatePath)
    }
    guard SSL_CTX_use_PrivateKey_file(made, configuration.keyPath, SSL_FILETYPE_PEM) == 1 else {
      throw Self.failure("the TLS key cannot be read", configuration.keyPath)
    }
    guard SSL_CTX_check_private_key(made) == 1 else {
      throw Self.failure("the TLS key does not belong to the certificate", configuration.keyPath)
    }
    if let roots = configuration.clientAuthorityPath {
      guard SSL_CTX_load_verify_locations(made, roots, nil) == 1 else {
        throw Self.failure("the TLS client authority cannot be read", roots)
      }
      SSL_CTX_set_client_CA_list(made, SSL_load_client_CA_file(roots))
      SSL_CTX_set_verify(made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }
    SSL_CTX_set_alpn_select_cb(
      made,
      { _, out, outLength, offered, offeredLength, _ in
        guard let out, let outLength, let offered else { return SSL_TLSEXT_ERR_NOACK }
        let list = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
        guard let found = TLSContext.select(list) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        out.pointee = offered + found.lowerBound
        outLength.pointee = UInt8(found.count)
        return SSL_TLSEXT_ERR_OK
      }, nil)
  }

  deinit { SSL_CTX_free(context) }

  /// Where `h2`, or else `http/1.1`, stands in ALPN's list of names with a length before each.
  static func select(_ list: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
    for wanted in ["h2", "http/1.1"] {
      var index = 0
      while index < list.count {
        let start = index + 1
        let end = start + Int(list[index])
        guard end <= list.count else { return nil }
        if list[start..<end].elementsEqual(wanted.utf8) { return start..<end }
        index = end
      }
    }
    return nil
  }

  private static func failure(_ what: String, _ path: String) -> HTTPError {
    let code = ERR_get_error()
    ERR_clear_error()
    var buffer = [CChar](repeating: 0, count: 256)
    ERR_error_string_n(code, &buffer, buffer.count)
    let text = String(
      decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return HTTPError(.setup, status: .internalServerError, "\(what): \(path): \(text)")
  }
}
