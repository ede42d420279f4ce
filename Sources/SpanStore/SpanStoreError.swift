/// Why the span store could not do what was asked.
package struct SpanStoreError: Error, Hashable {
  package enum Code: Sendable, Hashable {
    /// The request is no OTLP message, or a span in it has no ids.
    case malformed
    /// Too much waits to be written; the client may try again.
    case overloaded
    /// The disk is full or nearly so; reads go on, and writes resume by themselves.
    case diskFull
    /// Stored bytes are not what was written; they are set aside.
    case corrupt
    /// The store is being shut down.
    case closed
    /// The operating system refused; nothing was acknowledged.
    case failed
  }

  package let code: Code
  /// What happened, to what, and what to do, in one line.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
