import Bytes
import TelemetryModel
import WireFormats

/// Spans of a foreign format, written again as an OTLP request.
package struct TranscodedSpans: Sendable {
  /// An encoded `ExportTraceServiceRequest` (protobuf).
  package let request: [UInt8]
  package let spanCount: Int

  /// No spans.
  static let none = TranscodedSpans(request: [], spanCount: 0)

  /// What `read` makes of the body; its errors in this module's terms.
  static func reading(
    _ body: [UInt8], _ read: (UnsafeRawBufferPointer) throws -> TranscodedSpans
  ) throws(TraceFormatError) -> TranscodedSpans {
    do { return try body.withUnsafeBytes(read) } catch {
      throw TraceFormatError(translating: error)
    }
  }
}

/// Writes an OTLP request span by span, straight to its bytes.
///
/// Spans of one resource and scope in a row share their messages.
struct OTLPRequestWriter {
  private var writer = ProtobufWriter()
  private(set) var spanCount = 0
  private var resource: [UInt8]?
  private var scope: [UInt8] = []
  private var resourceLengthAt = 0
  private var scopeLengthAt = 0
  /// Lengths that are not known when their message begins take this many bytes.
  private static let lengthBytes = 5

  /// Writes a span of the given resource and scope, which are encoded `Resource` and
  /// `InstrumentationScope` messages. `write` writes the fields of the `Span`.
  mutating func span<E: Error>(
    resource: [UInt8], scope: [UInt8], _ write: (inout ProtobufWriter) throws(E) -> Void
  ) throws(E) {
    if self.resource != resource {
      closeResource()
      self.resource = resource
      resourceLengthAt = beginMessage(1)
      writer.bytes(1, resource)
      beginScope(scope)
    } else if self.scope != scope {
      closeMessage(scopeLengthAt)
      beginScope(scope)
    }
    try writer.message(2, write)
    spanCount += 1
  }

  /// The whole request.
  mutating func finish() -> TranscodedSpans {
    closeResource()
    resource = nil
    return TranscodedSpans(request: writer.bytes, spanCount: spanCount)
  }

  private mutating func beginScope(_ scope: [UInt8]) {
    self.scope = scope
    scopeLengthAt = beginMessage(2)
    writer.bytes(1, scope)
  }

  private mutating func closeResource() {
    guard resource != nil else { return }
    closeMessage(scopeLengthAt)
    closeMessage(resourceLengthAt)
  }

  private mutating func beginMessage(_ field: UInt8) -> Int {
    writer.bytes.append(field << 3 | 2)
    for _ in 0..<Self.lengthBytes { writer.bytes.append(0) }
    return writer.bytes.count - Self.lengthBytes
  }

  /// Puts the length of what was written since, as a varint of a fixed number of bytes.
  private mutating func closeMessage(_ lengthAt: Int) {
    var rest = writer.bytes.count - lengthAt - Self.lengthBytes
    for index in 0..<Self.lengthBytes {
      let isLast = index == Self.lengthBytes - 1
      writer.bytes[lengthAt + index] = UInt8(rest & 0x7f) | (isLast ? 0 : 0x80)
      rest >>= 7
    }
  }
}

extension ProtobufWriter {
  /// A trace's id; none when it is zero.
  mutating func identifier(_ field: Int, _ id: TraceID) {
    guard !id.isZero else { return }
    bytes.append(UInt8(field << 3 | 2))
    bytes.append(16)
    bytes.appendBigEndian(id.high)
    bytes.appendBigEndian(id.low)
  }

  /// A span's id; none when it is zero.
  mutating func identifier(_ field: Int, _ id: SpanID) {
    guard !id.isZero else { return }
    bytes.append(UInt8(field << 3 | 2))
    bytes.append(8)
    bytes.appendBigEndian(id.value)
  }

  /// A `Status`; none when it says nothing.
  mutating func status(code: Int32, message: ArraySlice<UInt8>) {
    guard code != 0 || !message.isEmpty else { return }
    self.message(15) { status in
      if !message.isEmpty { status.bytes(2, message) }
      if code != 0 { status.int32(3, code) }
    }
  }
}
