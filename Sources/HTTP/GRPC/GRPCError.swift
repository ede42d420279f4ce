/// How a gRPC call failed: a status code and a message for people.
package struct GRPCError: Error, Hashable, CustomStringConvertible {
  /// The codes of gRPC's `statuscodes.md`.
  package enum Code: Int, Sendable {
    case cancelled = 1
    case unknown = 2
    case invalidArgument = 3
    case deadlineExceeded = 4
    case notFound = 5
    case alreadyExists = 6
    case permissionDenied = 7
    case resourceExhausted = 8
    case failedPrecondition = 9
    case aborted = 10
    case outOfRange = 11
    case unimplemented = 12
    case `internal` = 13
    case unavailable = 14
    case dataLoss = 15
    case unauthenticated = 16
  }

  package let code: Code
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }

  /// What an HTTP status means in gRPC's terms.
  init(_ error: HTTPError) {
    let code: Code =
      switch error.status.code {
      case 400, 422: .invalidArgument
      case 401: .unauthenticated
      case 403: .permissionDenied
      case 404: .notFound
      case 408, 504: .deadlineExceeded
      case 409: .aborted
      case 413, 429: .resourceExhausted
      case 499: .cancelled
      case 501: .unimplemented
      case 502, 503: .unavailable
      default: .internal
      }
    self.init(code, error.message)
  }

  /// The fields that end a call with this error.
  var trailers: HTTPHeaders {
    ["grpc-status": "\(code.rawValue)", "grpc-message": Self.encode(message)]
  }

  /// Everything but plain ASCII as `%XX`, as gRPC's `PROTOCOL-HTTP2.md` says.
  static func encode(_ message: String) -> String {
    var out = ""
    for byte in message.utf8 {
      if (0x20...0x7e).contains(byte), byte != 0x25 {
        out.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let hex = String(byte, radix: 16, uppercase: true)
        out += byte < 16 ? "%0\(hex)" : "%\(hex)"
      }
    }
    return out
  }
}

/// Answers a unary call: one message in, one message out, both without their five-byte prefix.
///
/// A thrown ``GRPCError`` becomes the call's status, an ``HTTPError`` what it means there, and any
/// other error `INTERNAL`. The task is cancelled when the client goes away or its deadline passes.
package typealias GRPCMethod = @Sendable ([UInt8], Request) async throws -> [UInt8]
