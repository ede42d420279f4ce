package import HTTP

/// How Loki answers requests that it has no route for.
package enum LokiErrors {
  /// The text of a path that is not there; 405 has no body at all.
  package static let body: ErrorBody = { error in
    switch error.status {
    case .notFound: ("text/plain; charset=utf-8", Array("404 page not found\n".utf8))
    case .methodNotAllowed: ("", [])
    default: HTTPServer.plainErrorBody(error)
    }
  }
}
