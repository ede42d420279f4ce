/// How a client reaches servers; one for all requests of an ``HTTPClient``.
package struct HTTPClientConfiguration: Sendable {
  /// Whom the client trusts and how it shows itself over TLS.
  package struct TLS: Sendable, Hashable {
    /// A PEM file of roots instead of the system's.
    package var authorityPath: String?
    /// A PEM file with the client's certificate, and one with its key.
    package var certificatePath: String?
    package var keyPath: String?
    /// The name to ask for and to check, where it is not the URL's host.
    package var serverName: String?
    /// Takes any certificate: for tests.
    package var skipsVerification = false

    package init() {}
  }

  package enum Authorization: Sendable, Hashable {
    case none
    case basic(user: String, password: String)
    case bearer(token: String)
  }

  package var tls = TLS()
  package var authorization = Authorization.none
  /// The proxy's URL; the environment's `http_proxy` and `no_proxy` count where there is none.
  package var proxyURL: String?
  package var connectTimeoutSeconds = 10.0
  /// For the whole exchange, where a request does not say otherwise.
  package var timeoutSeconds = 60.0
  /// The longest response body that is kept in memory.
  package var responseBytesMax = 64 << 20
  /// Connections to one host at a time; further requests wait for one.
  package var connectionsPerHostMax = 8
  /// Requests under way and waiting; further ones are refused with an error.
  package var requestsMax = 1_024
  package var followsRedirects = false
  package var userAgent = "sluice"

  package init() {}
}

/// One request to send.
package struct HTTPClientRequest: Sendable {
  package var method: HTTPMethod
  /// An absolute `http` or `https` URL, escaped.
  package var url: String
  package var headers: HTTPHeaders
  package var body: [UInt8]
  /// Instead of the configuration's.
  package var timeoutSeconds: Double?

  package init(
    _ method: HTTPMethod, _ url: String, headers: HTTPHeaders = [:], body: [UInt8] = [],
    timeoutSeconds: Double? = nil
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.timeoutSeconds = timeoutSeconds
  }
}

/// What a server answered. A status of 400 or more is an answer too, not an error.
package struct HTTPClientResponse: Sendable {
  package let status: Int
  package let headers: HTTPHeaders
  /// Empty where the body was handed to a closure as it came.
  package let body: [UInt8]
}

/// Why no answer came.
package struct HTTPClientError: Error, Hashable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    /// The name is unknown, the connection refused or broken; trying again may help.
    case connection
    /// No answer in time; trying again may help.
    case timedOut
    /// The certificate or the handshake was refused.
    case tls
    /// The response is longer than allowed, or the receiver refused to take more.
    case responseTooLarge
    /// The answer breaks HTTP's rules.
    case malformedResponse
    /// The URL, a file or a setting is of no use.
    case setup
    /// The task was cancelled or the client closed.
    case cancelled
    /// Too many requests wait already.
    case overloaded
  }

  package let kind: Kind
  /// One line with the URL, without its password or query.
  package let message: String

  package var description: String { message }

  init(_ kind: Kind, _ url: String, _ what: String) {
    self.kind = kind
    message = "\(Self.redact(url)): \(what)"
  }

  /// The URL without user, password and query, which may be secret.
  static func redact(_ url: String) -> String {
    var text = String(url.prefix { $0 != "?" && $0 != "#" })
    if let scheme = text.range(of: "://") {
      let authority = text[scheme.upperBound...].prefix { $0 != "/" }
      if let at = authority.lastIndex(of: "@") {
        text.removeSubrange(scheme.upperBound...at)
      }
    }
    return text
  }
}

extension String {
  /// The first place where `text` stands.
  fileprivate func range(of text: String) -> Range<String.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
