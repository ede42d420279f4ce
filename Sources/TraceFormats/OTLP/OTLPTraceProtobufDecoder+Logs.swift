import TelemetryModel
import WireFormats

/// OTLP's log messages; resources, scopes and values are those of traces.
extension OTLPTraceProtobufDecoder {
  mutating func logs(_ bytes: RawSpan) throws -> [ResourceLogs] {
    try items(bytes) { decoder, bytes in
      try decoder.budget.countValue()
      var batch = ResourceLogs()
      (batch.resource, batch.scopes) = try decoder.groups(bytes) { try $0.scopeLogs($1) }
      return batch
    }
  }

  private mutating func scopeLogs(_ bytes: RawSpan) throws -> ScopeLogs {
    var group = ScopeLogs()
    (group.scope, group.records) = try records(bytes) { try $0.logRecord($1) }
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
