import Bytes
import TelemetryModel
import TraceFormats
import WireFormats

/// Checks an encoded OTLP request and reads it into rows, in one pass and without objects.
///
/// Source: opentelemetry/proto/trace/v1/trace.proto; `TracesData` and `ExportTraceServiceRequest`
/// have the same fields. What ``OTLPTraceProtobuf/decode(_:limits:)`` refuses is refused here.
struct SpanRequestReader {
  private let bytes: UnsafeRawBufferPointer
  private var checker: SpanMessageChecker
  private(set) var rows: [SpanRow] = []
  private(set) var tables = SpanTables()
  private(set) var rejectedCount = 0
  private var lastOperation = SpanTables.Operation(service: .max, name: 0, kind: 0)

  /// `bytes` must stay as they are while the reader is used.
  init(_ bytes: UnsafeRawBufferPointer, _ limits: TraceDecodingLimits) {
    self.bytes = bytes
    checker = SpanMessageChecker(limits)
    rows.reserveCapacity(bytes.count / 256)
  }

  mutating func read() throws(TraceFormatError) {
    var cursor = WireCursor(bytes)
    while true {
      let tag = try cursor.nextTag()
      if tag == 0 { return }
      guard tag >> 3 == 1 else {
        try cursor.skip(tag)
        continue
      }
      try SpanMessageChecker.expect(tag, .bytes)
      try checker.budget.countValue()
      try readResourceSpans(try cursor.bytes())
    }
  }

  private func cursor(_ range: Range<Int>) -> WireCursor {
    WireCursor(WireCursor(bytes).base, range)
  }

  private mutating func readResourceSpans(_ message: Range<Int>) throws(TraceFormatError) {
    // The resource can stand after the spans: one pass for the fields, one for the spans.
    var fields: [UInt8] = []
    var service = 0..<0
    var hasService = false
    var reader = cursor(message)
    while true {
      let start = reader.at
      let tag = try reader.nextTag()
      if tag == 0 { break }
      switch tag >> 3 {
      case 1:
        try SpanMessageChecker.expect(tag, .bytes)
        let resource = try reader.bytes()
        if let name = try checker.resource(cursor(resource)), !hasService {
          service = name
          hasService = true
        }
        Self.append(tag, resource, of: reader, to: &fields)
      case 2:
        try SpanMessageChecker.expect(tag, .bytes)
        _ = try reader.bytes()
      case 3:
        try SpanMessageChecker.expect(tag, .bytes)
        let text = try reader.bytes()
        try SpanMessageChecker.text(reader.buffer(text), field: 3)
        Self.append(tag, text, of: reader, to: &fields)
      default:
        try reader.skip(tag)
        fields.append(contentsOf: reader.buffer(start..<reader.at))
      }
    }
    let number = fields.withUnsafeBytes {
      tables.number(ofResource: $0, service: reader.buffer(service))
    }
    reader = cursor(message)
    while true {
      let tag = try reader.nextTag()
      if tag == 0 { return }
      if tag == 0x12 {
        try readScopeSpans(try reader.bytes(), number)
      } else {
        try reader.skip(tag)
      }
    }
  }

  /// A length-delimited field with its lengths in their shortest form.
  private static func append(
    _ tag: UInt32, _ value: Range<Int>, of reader: WireCursor, to fields: inout [UInt8]
  ) {
    fields.appendVarint(UInt64(tag))
    fields.appendVarint(UInt64(value.count))
    fields.append(contentsOf: reader.buffer(value))
  }

  private mutating func readScopeSpans(
    _ message: Range<Int>, _ resource: UInt32
  ) throws(TraceFormatError) {
    try checker.budget.countValue()
    var fields: [UInt8] = []
    var reader = cursor(message)
    let first = rows.count
    while true {
      let start = reader.at
      let tag = try reader.nextTag()
      if tag == 0 { break }
      switch tag >> 3 {
      case 1:
        try SpanMessageChecker.expect(tag, .bytes)
        let scope = try reader.bytes()
        try checker.scope(cursor(scope))
        Self.append(tag, scope, of: reader, to: &fields)
      case 2:
        try SpanMessageChecker.expect(tag, .bytes)
        try checker.budget.countSpan()
        try readSpan(try reader.bytes(), resource)
      case 3:
        try SpanMessageChecker.expect(tag, .bytes)
        let text = try reader.bytes()
        try SpanMessageChecker.text(reader.buffer(text), field: 3)
        Self.append(tag, text, of: reader, to: &fields)
      default:
        try reader.skip(tag)
        fields.append(contentsOf: reader.buffer(start..<reader.at))
      }
    }
    let scope = tables.scopes.number(of: fields)
    for row in first..<rows.count { rows[row].scope = scope }
  }

  private mutating func readSpan(
    _ message: Range<Int>, _ resource: UInt32
  ) throws(TraceFormatError) {
    var row = SpanRow()
    var name = 0..<0
    try checker.span(cursor(message), &row, &name)
    guard !row.trace.isZero, row.span != 0 else {
      rejectedCount += 1
      return
    }
    row.resource = resource
    row.name = tables.names.number(of: cursor(message).buffer(name))
    row.messageStart = Int32(truncatingIfNeeded: message.lowerBound)
    row.messageEnd = Int32(truncatingIfNeeded: message.upperBound)
    let operation = SpanTables.Operation(
      service: tables.services[Int(resource)], name: row.name, kind: row.kind)
    if operation != lastOperation {
      tables.operations.insert(operation)
      lastOperation = operation
    }
    rows.append(row)
  }
}
