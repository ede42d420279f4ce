import HTTP
import SpanStore
import TraceFormats

/// Why a sender's spans were not stored; none of them was.
///
/// The one error of this module, told in the form of the sender's protocol.
struct Refusal: Error, Hashable {
  let status: HTTPStatus
  let message: String
  /// Whether the sender shall send the same again.
  let mayRetry: Bool

  init(_ status: HTTPStatus, _ message: String, mayRetry: Bool = false) {
    self.status = status
    self.message = message
    self.mayRetry = mayRetry
  }

  static func busy(_ message: String) -> Refusal {
    Refusal(.serviceUnavailable, message, mayRetry: true)
  }

  init(_ error: HTTPError) {
    let isPassing = [408, 429, 503].contains(error.status.code)
    self.init(error.status, error.message, mayRetry: isPassing)
  }

  init(_ error: TraceFormatError) {
    switch error.kind {
    case .malformed: self.init(.badRequest, error.message)
    case .overLimit: self.init(.contentTooLarge, error.message)
    }
  }

  init(_ error: SpanStoreError) {
    switch error.code {
    case .malformed: self.init(.badRequest, error.message)
    case .overloaded, .diskFull, .closed: self = .busy(error.message)
    case .corrupt, .failed: self.init(.internalServerError, error.message)
    }
  }

  /// The number of google.rpc.Code that says the same.
  var rpcCode: Int {
    switch status.code {
    case 401: 16
    case 403: 7
    case 408, 504: 4
    case 413: 8
    case 429, 503: 14
    case 400..<500: 3
    default: 13
    }
  }
}
