import TelemetryModel
import WireFormats

/// OTLP's log messages in JSON; resources, scopes and values are those of traces.
extension OTLPTraceJSONDecoder {
  mutating func logs() throws -> [ResourceLogs] {
    var batches: [ResourceLogs] = []
    try members(try scanner.next()) { decoder, name in
      guard name == "resourceLogs" || name == "resource_logs" else {
        try decoder.scanner.skipValue()
        return
      }
      try decoder.items { decoder, token in
        try decoder.budget.countValue()
        batches.append(try decoder.resourceLogs(token))
      }
    }
    try scanner.finish()
    return batches
  }

  private mutating func resourceLogs(_ token: JSONToken) throws -> ResourceLogs {
    var batch = ResourceLogs()
    try members(token) { decoder, name in
      switch name {
      case "resource": try decoder.resource(into: &batch.resource)
      case "scopeLogs", "scope_logs":
        try decoder.items { decoder, token in
          try decoder.budget.countValue()
          batch.scopes.append(try decoder.scopeLogs(token))
        }
      case "schemaUrl", "schema_url": batch.resource.schemaURL = try decoder.text()
      default: try decoder.scanner.skipValue()
      }
    }
    return batch
  }

  private mutating func scopeLogs(_ token: JSONToken) throws -> ScopeLogs {
    var group = ScopeLogs()
    try members(token) { decoder, name in
      switch name {
      case "scope": try decoder.scope(into: &group.scope)
      case "logRecords", "log_records":
        try decoder.items { decoder, token in
          try decoder.budget.countSpan()
          group.records.append(try decoder.logRecord(token))
        }
      case "schemaUrl", "schema_url": group.scope.schemaURL = try decoder.text()
      default: try decoder.scanner.skipValue()
      }
    }
    return group
  }

  private mutating func logRecord(_ token: JSONToken) throws -> LogRecord {
    var record = LogRecord()
    try members(token) { decoder, name in
      switch name {
      case "timeUnixNano", "time_unix_nano": record.time = try decoder.time()
      case "observedTimeUnixNano", "observed_time_unix_nano":
        record.observedTime = try decoder.time()
      case "severityNumber", "severity_number":
        record.severityNumber = try decoder.enumeration(LogRecord.severityNames)
      case "severityText", "severity_text": record.severityText = try decoder.text()
      case "body": record.body = try decoder.value(try decoder.scanner.next(), depth: 0)
      case "attributes": try decoder.attributes(into: &record.attributes, depth: 0)
      case "droppedAttributesCount", "dropped_attributes_count":
        record.droppedAttributesCount = try decoder.uint32()
      case "flags": record.flags = try decoder.uint32()
      case "traceId", "trace_id": record.traceID = try decoder.traceID()
      case "spanId", "span_id": record.spanID = try decoder.spanID()
      case "eventName", "event_name": record.eventName = try decoder.text()
      default: try decoder.scanner.skipValue()
      }
    }
    return record
  }
}
