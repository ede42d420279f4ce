import Bytes
import TelemetryModel
import WireFormats

/// Zipkin's API v2 in protobuf: `ListOfSpans` (github.com/openzipkin/zipkin-api, zipkin.proto).
package enum ZipkinProtobuf {
  /// Decodes the body of `POST /api/v2/spans`; an empty body holds no spans.
  ///
  /// A trace's id may have 8 or 16 bytes. Fields that the proto does not name are left out.
  /// Throws ``TraceFormatError`` and decodes nothing in part.
  package static func decode(
    _ body: [UInt8], limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) -> [ZipkinSpan] {
    var decoder = ZipkinProtobufDecoder(budget: DecodingBudget(limits))
    do { return try decoder.spans(body.span.bytes) } catch {
      throw TraceFormatError(translating: error)
    }
  }
}

private struct ZipkinProtobufDecoder {
  var budget: DecodingBudget

  mutating func spans(_ bytes: RawSpan) throws -> [ZipkinSpan] {
    var spans: [ZipkinSpan] = []
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      guard reader.field == 1 else {
        try reader.skip()
        continue
      }
      try budget.countSpan()
      spans.append(try span(try reader.bytes()))
    }
    return spans
  }

  private mutating func span(_ bytes: RawSpan) throws -> ZipkinSpan {
    var span = ZipkinSpan()
    var tags = TagTable()
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: span.traceID = try traceID(try reader.bytes())
      case 2:
        let parent = try spanID(try reader.bytes(), "parent_id")
        span.parentID = parent.isZero ? nil : parent
      case 3: span.id = try spanID(try reader.bytes(), "id")
      case 4: span.kind = Self.kind(try reader.int32())
      case 5: span.name = try reader.string()
      case 6: span.timestampMicroseconds = try Self.microseconds(try reader.fixed64())
      case 7: span.durationMicroseconds = try Self.microseconds(try reader.uint64())
      case 8: span.localEndpoint = try endpoint(try reader.bytes())
      case 9: span.remoteEndpoint = try endpoint(try reader.bytes())
      case 10: span.annotations.append(try annotation(try reader.bytes()))
      case 11:
        try budget.countValue()
        let (key, value) = try tag(try reader.bytes())
        tags.set(key, value)
      case 12: span.debug = try reader.bool()
      case 13: span.shared = try reader.bool()
      default: try reader.skip()
      }
    }
    guard !span.traceID.isZero else { throw TraceFormatError.malformed("trace_id is missing") }
    guard !span.id.isZero else { throw TraceFormatError.malformed("id is missing") }
    span.tags = tags.list
    return span
  }

  private static func kind(_ number: Int32) -> ZipkinSpan.Kind? {
    switch number {
    case 1: .client
    case 2: .server
    case 3: .producer
    case 4: .consumer
    default: nil
    }
  }

  private static func microseconds(_ number: UInt64) throws -> UInt64? {
    guard number <= UInt64.max / 1000 else {
      throw TraceFormatError.malformed("\(number) microseconds are more than a time can be")
    }
    return number == 0 ? nil : number
  }

  private func traceID(_ bytes: RawSpan) throws -> TraceID {
    guard bytes.byteCount == 8 || bytes.byteCount == 16 else {
      throw TraceFormatError.malformed("trace_id has \(bytes.byteCount) bytes, not 8 or 16")
    }
    var cursor = ByteCursor(bytes)
    let high = bytes.byteCount == 16 ? try cursor.readBigEndian(UInt64.self) : 0
    return TraceID(high: high, low: try cursor.readBigEndian(UInt64.self))
  }

  private func spanID(_ bytes: RawSpan, _ field: String) throws -> SpanID {
    if bytes.byteCount == 0 { return SpanID(0) }
    guard bytes.byteCount == 8 else {
      throw TraceFormatError.malformed("\(field) has \(bytes.byteCount) bytes instead of 8")
    }
    var cursor = ByteCursor(bytes)
    return SpanID(try cursor.readBigEndian(UInt64.self))
  }

  private func endpoint(_ bytes: RawSpan) throws -> ZipkinEndpoint? {
    var endpoint = ZipkinEndpoint()
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: endpoint.serviceName = try reader.string()
      case 2, 3:
        // What is no address is left out, as Zipkin does.
        if let address = IPAddressText(bytes: try reader.byteArray()) {
          endpoint.address = address
        }
      case 4: endpoint.port = UInt16(exactly: try reader.int32()) ?? 0
      default: try reader.skip()
      }
    }
    return endpoint.isEmpty ? nil : endpoint
  }

  private mutating func annotation(_ bytes: RawSpan) throws -> ZipkinSpan.Annotation {
    try budget.countValue()
    var annotation = ZipkinSpan.Annotation(timestampMicroseconds: 0, value: "")
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1:
        annotation.timestampMicroseconds = try Self.microseconds(try reader.fixed64()) ?? 0
      case 2: annotation.value = try reader.string()
      default: try reader.skip()
      }
    }
    return annotation
  }

  private func tag(_ bytes: RawSpan) throws -> (String, String) {
    var tag = ("", "")
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: tag.0 = try reader.string()
      case 2: tag.1 = try reader.string()
      default: try reader.skip()
      }
    }
    return tag
  }
}
