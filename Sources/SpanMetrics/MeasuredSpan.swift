import Bytes
import TelemetryModel
import WireFormats

/// What is measured of a span.
struct MeasuredSpan {
  var trace = TraceID(high: 0, low: 0)
  var id: UInt64 = 0
  var parent: UInt64 = 0
  /// XXH3 of the name; the name itself is looked up only for new series.
  var nameHash: UInt64 = 0
  var name = ""
  var kind = SpanKind.unspecified
  var status = SpanStatus.unset
  var start: UInt64 = 0
  var end: UInt64 = 0
  /// Bytes of the message.
  var size = 0
  /// The other side as the span names it: `peer.service`.
  var peer = ""
  /// `db.namespace`, `db.name` or the system's name.
  var database = ""
  var isMessaging = false

  var seconds: Double { end > start ? Double(end - start) / 1e9 : 0 }
}

/// Reads what is measured out of an OTLP request, passing over all else.
///
/// Names are kept by their hash, so that a span of a known name makes no text.
struct MeasuredSpanReader {
  private var names: [UInt64: String] = [:]
  /// Names that are kept at most; beyond they are all one.
  private static let namesMax = 10_000

  /// Calls `visit` with the service's name and each span; stops at bytes that are no request.
  mutating func read(
    _ request: [UInt8], _ visit: (String, UInt64, borrowing MeasuredSpan) -> Void
  ) throws(ProtobufError) {
    var reader = ProtobufReader(request.span.bytes)
    while try reader.nextField() {
      guard reader.field == 1 else {
        try reader.skip()
        continue
      }
      let batch = try reader.bytes()
      let service = try Self.service(batch)
      let serviceHash = XXH3.hash(Array(service.utf8))
      var fields = ProtobufReader(batch)
      while try fields.nextField() {
        guard fields.field == 2 else {
          try fields.skip()
          continue
        }
        var group = try fields.message()
        while try group.nextField() {
          guard group.field == 2 else {
            try group.skip()
            continue
          }
          visit(service, serviceHash, try span(try group.bytes()))
        }
      }
    }
  }

  /// `service.name` of a `ResourceSpans`, or empty.
  private static func service(_ batch: RawSpan) throws(ProtobufError) -> String {
    var fields = ProtobufReader(batch)
    while try fields.nextField() {
      guard fields.field == 1 else {
        try fields.skip()
        continue
      }
      var resource = try fields.message()
      while try resource.nextField() {
        guard resource.field == 1 else {
          try resource.skip()
          continue
        }
        if let text = try text(of: "service.name", try resource.bytes()) { return text }
      }
    }
    return ""
  }

  /// The text of a `KeyValue` when its key is `wanted`.
  private static func text(
    of wanted: StaticString, _ attribute: RawSpan
  ) throws(ProtobufError) -> String? {
    var fields = ProtobufReader(attribute)
    var isWanted = false
    while try fields.nextField() {
      switch fields.field {
      case 1: isWanted = equals(try fields.bytes(), wanted)
      case 2 where isWanted:
        var value = try fields.message()
        while try value.nextField() {
          if value.field == 1 { return try value.repairedString() }
          try value.skip()
        }
      default: try fields.skip()
      }
    }
    return nil
  }

  private static func equals(_ bytes: RawSpan, _ text: StaticString) -> Bool {
    guard bytes.byteCount == text.utf8CodeUnitCount else { return false }
    return bytes.withUnsafeBytes { bytes in
      text.withUTF8Buffer { $0.elementsEqual(bytes) }
    }
  }

  private mutating func span(_ message: RawSpan) throws(ProtobufError) -> MeasuredSpan {
    var span = MeasuredSpan()
    span.size = message.byteCount
    var fields = ProtobufReader(message)
    while try fields.nextField() {
      switch fields.field {
      case 1: span.trace = Self.traceID(try fields.bytes())
      case 2: span.id = Self.number(try fields.bytes())
      case 4: span.parent = Self.number(try fields.bytes())
      case 5: (span.nameHash, span.name) = name(try fields.bytes())
      case 6: span.kind = SpanKind(rawValue: try fields.int32())
      case 7: span.start = try fields.fixed64()
      case 8: span.end = try fields.fixed64()
      case 9 where span.kind != .internal && span.kind != .unspecified:
        try Self.readPeer(try fields.bytes(), into: &span)
      case 15:
        var status = try fields.message()
        while try status.nextField() {
          if status.field == 3 { span.status = try status.int32() } else { try status.skip() }
        }
      default: try fields.skip()
      }
    }
    return span
  }

  private mutating func name(_ bytes: RawSpan) -> (UInt64, String) {
    let hash = bytes.withUnsafeBytes { XXH3.hash($0) }
    if let known = names[hash] { return (hash, known) }
    guard names.count < Self.namesMax else { return (0, "other") }
    let name = bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    names[hash] = name
    return (hash, name)
  }

  /// Attributes that tell the other side of a call.
  private static func readPeer(
    _ attribute: RawSpan, into span: inout MeasuredSpan
  ) throws(ProtobufError) {
    // The key comes first: its first byte is the second after tag and length.
    guard attribute.byteCount > 4 else { return }
    switch attribute.unsafeLoad(fromByteOffset: 2, as: UInt8.self) {
    case UInt8(ascii: "p"):
      if let text = try text(of: "peer.service", attribute) { span.peer = text }
    case UInt8(ascii: "s"):
      if span.peer.isEmpty, let text = try text(of: "service.peer.name", attribute) {
        span.peer = text
      }
    case UInt8(ascii: "d"):
      if let text = try text(of: "db.namespace", attribute) { span.database = text }
      if let text = try text(of: "db.name", attribute) { span.database = text }
      guard span.database.isEmpty else { return }
      if let text = try text(of: "db.system.name", attribute) { span.database = text }
      if let text = try text(of: "db.system", attribute) { span.database = text }
    case UInt8(ascii: "m"):
      if try text(of: "messaging.system", attribute) != nil { span.isMessaging = true }
    default: break
    }
  }

  private static func number(_ bytes: RawSpan) -> UInt64 {
    guard bytes.byteCount == 8 else { return 0 }
    return UInt64(bigEndian: bytes.unsafeLoadUnaligned(as: UInt64.self))
  }

  private static func traceID(_ bytes: RawSpan) -> TraceID {
    guard bytes.byteCount == 16 else { return TraceID(high: 0, low: 0) }
    return TraceID(
      high: UInt64(bigEndian: bytes.unsafeLoadUnaligned(as: UInt64.self)),
      low: UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self)))
  }
}
