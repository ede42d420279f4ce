import Bytes
import TelemetryModel
import WireFormats

/// Reads `zipkinCore.thrift`'s spans, straight to an OTLP request.
struct ZipkinV1ThriftDecoder {
  private var reader: ThriftReader
  private var budget: DecodingBudget
  private var output = ZipkinRequestWriter()
  private var fields = ZipkinV1Fields()

  init(_ reader: ThriftReader, _ limits: TraceDecodingLimits) {
    self.reader = reader
    budget = DecodingBudget(limits)
  }

  mutating func body() throws -> TranscodedSpans {
    let (type, count) = try reader.listHead()
    guard type == .structure || count == 0 else {
      throw TraceFormatError.malformed("the body is no list of spans")
    }
    for _ in 0..<count {
      try budget.countSpan()
      fields.removeAll()
      try readSpan()
      try fields.write(to: &output)
    }
    return output.finish()
  }

  private mutating func readSpan() throws {
    try reader.beginStructure()
    while try reader.nextField() {
      let (field, type) = (reader.field, reader.type)
      switch (field, type) {
      case (1, .int64): fields.span.trace.low = try bits()
      case (12, .int64): fields.span.trace.high = try bits()
      case (3, .binary): fields.span.name = fields.span.tags.add(text: try reader.binary())
      case (4, .int64): fields.span.id = SpanID(try bits())
      case (5, .int64): fields.span.parent = SpanID(try bits())
      case (6, .list): try list { try $0.annotation() }
      case (8, .list): try list { try $0.binaryAnnotation() }
      case (10, .int64): fields.span.startMicroseconds = try microseconds()
      case (11, .int64): fields.span.durationMicroseconds = try microseconds()
      default: try reader.skip(type)
      }
    }
  }

  private mutating func bits() throws -> UInt64 {
    UInt64(bitPattern: try reader.integer(.int64))
  }

  private mutating func microseconds() throws -> UInt64 {
    try ZipkinFields.checked(microseconds: try bits())
  }

  private mutating func list(_ item: (inout ZipkinV1ThriftDecoder) throws -> Void) throws {
    let (type, count) = try reader.listHead()
    for _ in 0..<count {
      guard type == .structure else {
        throw TraceFormatError.malformed("the annotations are no structures")
      }
      try budget.countValue()
      try item(&self)
    }
  }

  private mutating func annotation() throws {
    var time: UInt64 = 0
    var value = UnsafeRawBufferPointer(start: nil, count: 0)
    var endpoint: ZipkinFields.Endpoint?
    try reader.beginStructure()
    while try reader.nextField() {
      switch (reader.field, reader.type) {
      case (1, .int64): time = try microseconds()
      case (2, .binary): value = try reader.binary()
      case (3, .structure): endpoint = try self.endpoint()
      default: try reader.skip(reader.type)
      }
    }
    fields.addAnnotation(value, time, endpoint)
  }

  private mutating func endpoint() throws -> ZipkinFields.Endpoint {
    var endpoint = ZipkinFields.Endpoint()
    try reader.beginStructure()
    while try reader.nextField() {
      let (field, type) = (reader.field, reader.type)
      switch (field, type) {
      case (1, .int32):
        let number = UInt32(truncatingIfNeeded: try reader.integer(type))
        if number != 0 {
          endpoint.address = IPAddressText(
            bytes: (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) })
        }
      case (2, .int16): endpoint.port = UInt16(truncatingIfNeeded: try reader.integer(type))
      case (3, .binary): endpoint.service = fields.span.tags.add(text: try reader.binary())
      case (4, .binary):
        if let address = IPAddressText(bytes: Array(try reader.binary())) {
          endpoint.address = address
        }
      default: try reader.skip(type)
      }
    }
    return endpoint
  }

  private mutating func binaryAnnotation() throws {
    var key = 0..<0
    var value = UnsafeRawBufferPointer(start: nil, count: 0)
    var kind: Int64 = 6
    var endpoint: ZipkinFields.Endpoint?
    try reader.beginStructure()
    while try reader.nextField() {
      let (field, type) = (reader.field, reader.type)
      switch (field, type) {
      case (1, .binary): key = fields.span.tags.add(text: try reader.binary())
      case (2, .binary): value = try reader.binary()
      case (3, .int32): kind = try reader.integer(type)
      case (4, .structure): endpoint = try self.endpoint()
      default: try reader.skip(type)
      }
    }
    try fields.addBinaryAnnotation(key, try self.value(value, kind), endpoint)
  }

  /// Of the types 0 BOOL, 1 BYTES, 2 I16, 3 I32, 4 I64, 5 DOUBLE, 6 STRING, big-endian.
  private mutating func value(
    _ bytes: UnsafeRawBufferPointer, _ kind: Int64
  ) throws -> FlatAttributes.Value {
    var number: UInt64 = 0
    for byte in bytes.prefix(8) { number = number << 8 | UInt64(byte) }
    switch kind {
    case 0: return .bool(bytes.first == 1)
    case 1: return .bytes(fields.span.tags.add(bytes: bytes))
    case 2 where bytes.count == 2: return .int(Int64(Int16(truncatingIfNeeded: number)))
    case 3 where bytes.count == 4: return .int(Int64(Int32(truncatingIfNeeded: number)))
    case 4 where bytes.count == 8: return .int(Int64(bitPattern: number))
    case 5 where bytes.count == 8: return .double(Double(bitPattern: number))
    case 2...5:
      throw TraceFormatError.malformed("a binary annotation's number has \(bytes.count) bytes")
    default: return .string(fields.span.tags.add(text: bytes))
    }
  }
}
