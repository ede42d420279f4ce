package import TraceFormats

/// What one body and all bodies together may take.
package struct CollectorLimits: Sendable {
  /// Of a body as it comes.
  package var bodyBytesMax = 16 << 20
  /// Of a body after its `Content-Encoding` is taken off.
  package var inflatedBytesMax = 64 << 20
  /// Of all bodies that are being received and stored; more are answered with 503.
  package var bytesUnderWayMax = 256 << 20
  /// Of what a body decodes to.
  package var decoding = TraceDecodingLimits()
  /// What refused clients are told to wait.
  package var retryAfterSeconds = 1

  package init() {}
}
