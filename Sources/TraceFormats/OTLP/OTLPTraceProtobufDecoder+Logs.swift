import TelemetryModel
import WireFormats

/// OTLP's log messages; resources, scopes and values are those of traces.
extension OTLPTraceProtobufDecoder {
  mutating func logs(_ bytes: RawSpan) throws -> [ResourceLogs] {
    var batches: [ResourceLogs] = []
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      guard reader.field == 1 else {
        try reader.skip()
        continue
      }
      try budget.countValue()
      batches.append(try resourceLogs(try reader.bytes()))
    }
    return batches
  }

  private mutating func resourceLogs(_ bytes: RawSpan) throws -> ResourceLogs {
    var batch = ResourceLogs()
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: try resource(try reader.bytes(), into: &batch.resource)
      case 2:
        try budget.countValue()
        batch.scopes.append(try scopeLogs(try reader.bytes()))
      case 3: batch.resource.schemaURL = try reader.string()
      default: try reader.skip()
      }
    }
    return batch
  }

  private mutating func scopeLogs(_ bytes: RawSpan) throws -> ScopeLogs {
    var group = ScopeLogs()
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: try scope(try reader.bytes(), into: &group.scope)
      case 2:
        try budget.countSpan()
        group.records.append(try logRecord(try reader.bytes()))
      case 3: group.scope.schemaURL = try reader.string()
      default: try reader.skip()
      }
    }
    return group
  }

  private mutating func logRecord(_ bytes: RawSpan) throws -> LogRecord {
    var record = LogRecord()
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: record.time = Timestamp(bits: try reader.fixed64())
      case 2: record.severityNumber = try reader.int32()
      case 3: record.severityText = try reader.string()
      case 5: record.body = try value(try reader.bytes(), depth: 0)
      case 6: record.attributes.append(try attribute(try reader.bytes(), depth: 0))
      case 7: record.droppedAttributesCount = try reader.uint32()
      case 8: record.flags = try reader.fixed32()
      case 9: record.traceID = try traceID(try reader.bytes())
      case 10: record.spanID = try spanID(try reader.bytes(), "span_id")
      case 11: record.observedTime = Timestamp(bits: try reader.fixed64())
      case 12: record.eventName = try reader.string()
      default: try reader.skip()
      }
    }
    return record
  }
}
