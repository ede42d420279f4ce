import WireFormats

/// Why a body is not the trace document that it should be.
///
/// The one error of this module. The message is meant for the sender: it says what is wrong and
/// where; it never holds the body.
package struct TraceFormatError: Error, Hashable {
  package enum Kind: Sendable {
    /// The bytes are not of the format, or not valid in it.
    case malformed
    /// More spans or values than one body may hold, or nested deeper.
    case overLimit
  }

  package let kind: Kind
  package let message: String

  package init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  static func malformed(_ message: String) -> TraceFormatError {
    TraceFormatError(.malformed, message)
  }

  /// Translates what the readers below throw; the module's border.
  init(translating error: any Error) {
    switch error {
    case let error as TraceFormatError: self = error
    case let error as ProtobufError: self.init(.malformed, error.message)
    case let error as ThriftError: self.init(.malformed, error.message)
    case let error as JSONError: self.init(.malformed, error.description)
    default: self.init(.malformed, "\(error)")
    }
  }
}
