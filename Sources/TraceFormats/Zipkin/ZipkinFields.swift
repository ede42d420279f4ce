import Bytes
import TelemetryModel
import WireFormats

/// One of Zipkin's spans while it is read, flat; used again for the next.
///
/// All texts lie in the buffer of ``tags``.
struct ZipkinFields {
  struct Endpoint {
    var service = 0..<0
    var address: IPAddressText?
    var port: UInt16 = 0
  }

  struct Annotation {
    var microseconds: UInt64
    var value: Range<Int>
  }

  var trace = TraceID(high: 0, low: 0)
  var id = SpanID(0)
  var parent = SpanID(0)
  var kind = SpanKind.unspecified
  var name = 0..<0
  /// Since 1970; zero when the sender did not know it.
  var startMicroseconds: UInt64 = 0
  var durationMicroseconds: UInt64 = 0
  var local = Endpoint()
  var remote = Endpoint()
  var annotations: [Annotation] = []
  var tags = FlatAttributes()
  /// Whether tags stay the span's, as those of Zipkin's v1 do.
  var keepsTags = false

  mutating func removeAll() {
    trace = TraceID(high: 0, low: 0)
    id = SpanID(0)
    parent = SpanID(0)
    kind = .unspecified
    name = 0..<0
    startMicroseconds = 0
    durationMicroseconds = 0
    local = Endpoint()
    remote = Endpoint()
    annotations.removeAll(keepingCapacity: true)
    tags.removeAll()
  }

  /// Microseconds that fit OTLP's nanoseconds.
  static func checked(microseconds: UInt64) throws(TraceFormatError) -> UInt64 {
    guard microseconds <= UInt64.max / 1000 else {
      throw .malformed("\(microseconds) microseconds are more than a span's time can be")
    }
    return microseconds
  }

  /// Refuses a span that cannot be found again.
  func checkIdentifiers() throws(TraceFormatError) {
    guard !trace.isZero else { throw .malformed("traceId is missing or all zeros") }
    guard !id.isZero else { throw .malformed("Missing : id") }
  }
}
