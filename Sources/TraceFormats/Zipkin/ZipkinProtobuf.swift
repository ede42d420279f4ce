import Bytes
import TelemetryModel
import WireFormats

/// Zipkin's API v2 in protobuf: `ListOfSpans` (github.com/openzipkin/zipkin-api, zipkin.proto).
package enum ZipkinProtobuf {
  /// Reads the body of `POST /api/v2/spans` straight into an OTLP request; an empty body holds
  /// no spans.
  ///
  /// A trace's id may have 8 or 16 bytes. Throws ``TraceFormatError`` and gives nothing in part.
  package static func transcode(
    _ body: [UInt8], limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) -> TranscodedSpans {
    var decoder = ZipkinProtobufDecoder(limits)
    do { return try decoder.spans(body.span.bytes) } catch {
      throw TraceFormatError(translating: error)
    }
  }
}

private struct ZipkinProtobufDecoder {
  private var budget: DecodingBudget
  private var output = ZipkinRequestWriter()
  private var span = ZipkinFields()

  init(_ limits: TraceDecodingLimits) { budget = DecodingBudget(limits) }

  mutating func spans(_ bytes: RawSpan) throws -> TranscodedSpans {
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      guard reader.field == 1 else {
        try reader.skip()
        continue
      }
      try budget.countSpan()
      span.removeAll()
      try readSpan(try reader.bytes())
      try span.checkIdentifiers()
      output.add(&span)
    }
    return output.finish()
  }

  private mutating func readSpan(_ bytes: RawSpan) throws {
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: span.trace = try Self.traceID(try reader.bytes())
      case 2: span.parent = try Self.spanID(try reader.bytes(), "parent_id")
      case 3: span.id = try Self.spanID(try reader.bytes(), "id")
      case 4: span.kind = Self.kind(try reader.int32())
      case 5: span.name = try text(&reader)
      case 6: span.startMicroseconds = try ZipkinFields.checked(microseconds: reader.fixed64())
      case 7: span.durationMicroseconds = try ZipkinFields.checked(microseconds: reader.uint64())
      case 8: span.local = try endpoint(try reader.bytes())
      case 9: span.remote = try endpoint(try reader.bytes())
      case 10: try annotation(try reader.bytes())
      case 11: try tag(try reader.bytes())
      case 12, 13: _ = try reader.bool()
      default: try reader.skip()
      }
    }
  }

  /// A `string` field; protobuf wants it to be UTF-8.
  private mutating func text(_ reader: inout ProtobufReader) throws -> Range<Int> {
    let field = reader.field
    return try reader.bytes().withUnsafeBytes { bytes in
      guard UTF8Check.isValid(bytes) else { throw ProtobufError.malformedText(field: field) }
      return span.tags.add(bytes: bytes)
    }
  }

  private static func kind(_ number: Int32) -> SpanKind {
    switch number {
    case 1: .client
    case 2: .server
    case 3: .producer
    case 4: .consumer
    default: .unspecified
    }
  }

  private static func traceID(_ bytes: RawSpan) throws -> TraceID {
    guard bytes.byteCount == 8 || bytes.byteCount == 16 else {
      throw TraceFormatError.malformed("trace_id has \(bytes.byteCount) bytes, not 8 or 16")
    }
    var cursor = ByteCursor(bytes)
    let high = bytes.byteCount == 16 ? try cursor.readBigEndian(UInt64.self) : 0
    return TraceID(high: high, low: try cursor.readBigEndian(UInt64.self))
  }

  private static func spanID(_ bytes: RawSpan, _ field: String) throws -> SpanID {
    if bytes.byteCount == 0 { return SpanID(0) }
    guard bytes.byteCount == 8 else {
      throw TraceFormatError.malformed("\(field) has \(bytes.byteCount) bytes instead of 8")
    }
    var cursor = ByteCursor(bytes)
    return SpanID(try cursor.readBigEndian(UInt64.self))
  }

  private mutating func endpoint(_ bytes: RawSpan) throws -> ZipkinFields.Endpoint {
    var endpoint = ZipkinFields.Endpoint()
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: endpoint.service = try text(&reader)
      case 2, 3:
        // What is no address is left out, as Zipkin does.
        if let address = IPAddressText(bytes: try reader.byteArray()) {
          endpoint.address = address
        }
      case 4: endpoint.port = UInt16(exactly: try reader.int32()) ?? 0
      default: try reader.skip()
      }
    }
    return endpoint
  }

  private mutating func annotation(_ bytes: RawSpan) throws {
    try budget.countValue()
    var annotation = ZipkinFields.Annotation(microseconds: 0, value: 0..<0)
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: annotation.microseconds = try ZipkinFields.checked(microseconds: reader.fixed64())
      case 2: annotation.value = try text(&reader)
      default: try reader.skip()
      }
    }
    span.annotations.append(annotation)
  }

  private mutating func tag(_ bytes: RawSpan) throws {
    try budget.countValue()
    var key = 0..<0
    var value = 0..<0
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: key = try text(&reader)
      case 2: value = try text(&reader)
      default: try reader.skip()
      }
    }
    span.tags.set(key, .string(value))
  }
}
