/// A request's method; RFC 9110, section 9.
package enum HTTPMethod: Hashable, Sendable, CustomStringConvertible {
  case get, head, post, put, delete, options, patch
  /// Any other token, as it was written.
  case other(String)

  package init(_ bytes: some Collection<UInt8>) {
    let name = String(decoding: bytes, as: UTF8.self)
    switch name {
    case "GET": self = .get
    case "HEAD": self = .head
    case "POST": self = .post
    case "PUT": self = .put
    case "DELETE": self = .delete
    case "OPTIONS": self = .options
    case "PATCH": self = .patch
    default: self = .other(name)
    }
  }

  package var description: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .patch: "PATCH"
    case .other(let name): name
    }
  }
}

/// The protocol that a request came by.
package enum HTTPVersion: Hashable, Sendable {
  case http1_0, http1_1, http2
}
