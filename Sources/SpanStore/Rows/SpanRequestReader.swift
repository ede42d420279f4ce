import Bytes
import TelemetryModel
import WireFormats

/// Reads an encoded OTLP request straight into rows: no tree of spans is built.
///
/// Source: opentelemetry/proto/trace/v1/trace.proto; `TracesData` and `ExportTraceServiceRequest`
/// have the same fields.
enum SpanRequestReader {
  /// Spans of one request at most; more are refused before anything is stored.
  static let spansMax = 1_000_000

  /// Calls `append` with each row's columns; its message borrows from the request.
  ///
  /// - Throws: ``SpanStoreError`` with code `malformed`.
  static func read(
    _ request: RawSpan, into dictionary: inout SpanDictionary, rows: inout SpanRows
  ) throws(SpanStoreError) {
    do {
      var top = ProtobufReader(request)
      while try top.nextField() {
        guard top.field == 1, top.wireType == .bytes else {
          try top.skip()
          continue
        }
        try readResourceSpans(try top.bytes(), &dictionary, &rows)
      }
    } catch let error as SpanStoreError {
      throw error
    } catch {
      throw SpanStoreError(.malformed, "the request is no OTLP trace message: \(error)")
    }
  }

  private static func readResourceSpans(
    _ message: RawSpan, _ dictionary: inout SpanDictionary, _ rows: inout SpanRows
  ) throws {
    // The resource can stand after the spans: one pass for the fields, one for the spans.
    let fields = try fieldsBeside(2, of: message)
    let resource = dictionary.number(ofResource: fields)
    let service = dictionary.number(ofString: try serviceName(fields.span.bytes))
    var reader = ProtobufReader(message)
    while try reader.nextField() {
      guard reader.field == 2, reader.wireType == .bytes else {
        try reader.skip()
        continue
      }
      let scopeMessage = try reader.bytes()
      let scope = dictionary.number(ofScope: try fieldsBeside(2, of: scopeMessage))
      var inner = ProtobufReader(scopeMessage)
      while try inner.nextField() {
        guard inner.field == 2, inner.wireType == .bytes else {
          try inner.skip()
          continue
        }
        guard rows.count < spansMax else {
          throw SpanStoreError(.malformed, "more than \(spansMax) spans in one request")
        }
        try readSpan(try inner.bytes(), service, resource, scope, &dictionary, &rows)
      }
    }
  }

  private static func readSpan(
    _ message: RawSpan, _ service: UInt32, _ resource: UInt32, _ scope: UInt32,
    _ dictionary: inout SpanDictionary, _ rows: inout SpanRows
  ) throws {
    var reader = ProtobufReader(message)
    var trace = TraceID(high: 0, low: 0)
    var span: UInt64 = 0
    var name = ""
    var kind: Int32 = 0
    var status: Int32 = 0
    var start: UInt64 = 0
    var end: UInt64 = 0
    while try reader.nextField() {
      switch (reader.field, reader.wireType) {
      case (1, .bytes):
        var bytes = ByteCursor(try reader.bytes())
        if bytes.remaining == 16 {
          trace.high = try bytes.readBigEndian(UInt64.self)
          trace.low = try bytes.readBigEndian(UInt64.self)
        }
      case (2, .bytes):
        var bytes = ByteCursor(try reader.bytes())
        if bytes.remaining == 8 { span = try bytes.readBigEndian(UInt64.self) }
      case (5, .bytes): name = try reader.repairedString()
      case (6, .varint): kind = try reader.int32()
      case (7, .fixed64): start = try reader.fixed64()
      case (8, .fixed64): end = try reader.fixed64()
      case (15, .bytes): status = try statusCode(try reader.bytes())
      default: try reader.skip()
      }
    }
    rows.traces.append(trace)
    rows.spans.append(span)
    rows.starts.append(Int64(bitPattern: start))
    rows.ends.append(Int64(bitPattern: end))
    rows.services.append(service)
    rows.names.append(dictionary.number(ofString: name))
    rows.kinds.append(kind)
    rows.statuses.append(status)
    rows.resources.append(resource)
    rows.scopes.append(scope)
    rows.messages.append(span: message)
    rows.messageEnds.append(rows.messages.count)
  }

  private static func statusCode(_ message: RawSpan) throws -> Int32 {
    var reader = ProtobufReader(message)
    var code: Int32 = 0
    while try reader.nextField() {
      if reader.field == 3, reader.wireType == .varint {
        code = try reader.int32()
      } else {
        try reader.skip()
      }
    }
    return code
  }

  /// The string attribute `service.name` of a resource's fields, or empty.
  private static func serviceName(_ fields: RawSpan) throws -> String {
    var reader = ProtobufReader(fields)
    while try reader.nextField() {
      guard reader.field == 1, reader.wireType == .bytes else {
        try reader.skip()
        continue
      }
      var resource = ProtobufReader(try reader.bytes())
      while try resource.nextField() {
        guard resource.field == 1, resource.wireType == .bytes else {
          try resource.skip()
          continue
        }
        if let name = try stringAttribute("service.name", try resource.bytes()) { return name }
      }
    }
    return ""
  }

  private static func stringAttribute(_ key: String, _ message: RawSpan) throws -> String? {
    var reader = ProtobufReader(message)
    var found = false
    var value: String?
    while try reader.nextField() {
      switch (reader.field, reader.wireType) {
      case (1, .bytes): found = try reader.repairedString() == key
      case (2, .bytes):
        var any = ProtobufReader(try reader.bytes())
        while try any.nextField() {
          if any.field == 1, any.wireType == .bytes {
            value = try any.repairedString()
          } else {
            try any.skip()
          }
        }
      default: try reader.skip()
      }
    }
    return found ? value : nil
  }

  /// All fields of a message but `left`, written again as they came.
  private static func fieldsBeside(_ left: Int, of message: RawSpan) throws -> [UInt8] {
    var reader = ProtobufReader(message)
    var writer = ProtobufWriter()
    while try reader.nextField() {
      guard reader.field != left else {
        try reader.skip()
        continue
      }
      switch reader.wireType {
      case .varint: writer.uint64(reader.field, try reader.uint64())
      case .fixed64: writer.fixed64(reader.field, try reader.fixed64())
      case .fixed32: writer.fixed32(reader.field, try reader.fixed32())
      case .bytes: writer.bytes(reader.field, try reader.bytes())
      }
    }
    return writer.bytes
  }
}
