import TelemetryModel

/// A message of OTLP as its JSON has it: names of members, and what they are in protobuf
/// (opentelemetry-proto 1.8; opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding").
///
/// Traces and logs differ by their records only; all else stands here once.
enum OTLPJSONMessage: Int, CaseIterable {
  case traces, logs, resourceSpans, resourceLogs, scopeSpans, scopeLogs, span, logRecord
  case resource, scope, event, link, status, attribute, value, array, map

  /// What a member's value is, and how protobuf writes it.
  enum Kind {
    case text
    /// Texts in base64.
    case bytes
    case traceID, spanID
    case bool
    case int64, uint32, fixed32, fixed64
    case double
    case enumeration(Names)
    case message(OTLPJSONMessage)
    case messages(OTLPJSONMessage)
    /// An object whose members count as those of this message.
    case same
  }

  /// The enumerations.
  enum Names {
    case kind, status, severity

    /// By number.
    var list: [String] {
      switch self {
      case .kind: SpanKind.names
      case .status: SpanStatus.names
      case .severity: LogRecord.severityNames
      }
    }
  }

  struct Field {
    let number: UInt8
    let name: StaticString
    /// The name as the proto has it; nil when it is the same.
    let snakeName: StaticString?
    let kind: Kind

    init(_ number: UInt8, _ name: StaticString, _ snakeName: StaticString, _ kind: Kind) {
      self.number = number
      self.name = name
      self.snakeName = snakeName
      self.kind = kind
    }

    init(_ number: UInt8, _ name: StaticString, _ kind: Kind) {
      self.number = number
      self.name = name
      snakeName = nil
      self.kind = kind
    }
  }

  /// Whether a member is written even when it holds its kind's default: a `oneof`.
  var keepsDefaults: Bool { self == .value }

  /// Whether each such message counts as one of ``TraceDecodingLimits``' values.
  var isValue: Bool {
    switch self {
    case .resourceSpans, .resourceLogs, .scopeSpans, .scopeLogs, .event, .link, .attribute: true
    default: false
    }
  }

  /// Whether each counts as one of its spans.
  var isRecord: Bool { self == .span || self == .logRecord }
  /// Whether it is one level of an attribute's value.
  var isLevel: Bool { self == .array || self == .map }

  var fields: [Field] {
    switch self {
    case .traces:
      [
        Field(1, "resourceSpans", "resource_spans", .messages(.resourceSpans)),
        // Jaeger's API v3 wraps its answers.
        Field(0, "result", .same),
      ]
    case .logs: [Field(1, "resourceLogs", "resource_logs", .messages(.resourceLogs))]
    case .resourceSpans:
      Self.envelope(
        .resource, Field(2, "scopeSpans", "scope_spans", .messages(.scopeSpans)))
    case .resourceLogs:
      Self.envelope(.resource, Field(2, "scopeLogs", "scope_logs", .messages(.scopeLogs)))
    case .scopeSpans: Self.envelope(.scope, Field(2, "spans", .messages(.span)))
    case .scopeLogs:
      Self.envelope(.scope, Field(2, "logRecords", "log_records", .messages(.logRecord)))
    case .span: Self.spanFields
    case .logRecord: Self.logRecordFields
    case .resource: [Self.attributes(1), Self.droppedAttributes(2)]
    case .scope:
      [
        Field(1, "name", .text), Field(2, "version", .text), Self.attributes(3),
        Self.droppedAttributes(4),
      ]
    case .event:
      [
        Field(1, "timeUnixNano", "time_unix_nano", .fixed64), Field(2, "name", .text),
        Self.attributes(3), Self.droppedAttributes(4),
      ]
    case .link:
      [
        Field(1, "traceId", "trace_id", .traceID), Field(2, "spanId", "span_id", .spanID),
        Field(3, "traceState", "trace_state", .text), Self.attributes(4),
        Self.droppedAttributes(5), Field(6, "flags", .fixed32),
      ]
    case .status: [Field(2, "message", .text), Field(3, "code", .enumeration(.status))]
    case .attribute: [Field(1, "key", .text), Field(2, "value", .message(.value))]
    case .value:
      [
        Field(1, "stringValue", "string_value", .text), Field(3, "intValue", "int_value", .int64),
        Field(2, "boolValue", "bool_value", .bool),
        Field(4, "doubleValue", "double_value", .double),
        Field(5, "arrayValue", "array_value", .message(.array)),
        Field(6, "kvlistValue", "kvlist_value", .message(.map)),
        Field(7, "bytesValue", "bytes_value", .bytes),
      ]
    case .array: [Field(1, "values", .messages(.value))]
    case .map: [Field(1, "values", .messages(.attribute))]
    }
  }

  private static func envelope(_ owner: OTLPJSONMessage, _ content: Field) -> [Field] {
    [
      owner == .scope
        ? Field(1, "scope", .message(.scope)) : Field(1, "resource", .message(.resource)),
      content, Field(3, "schemaUrl", "schema_url", .text),
    ]
  }

  private static func attributes(_ number: UInt8) -> Field {
    Field(number, "attributes", .messages(.attribute))
  }

  private static func droppedAttributes(_ number: UInt8) -> Field {
    Field(number, "droppedAttributesCount", "dropped_attributes_count", .uint32)
  }

  private static let spanFields = [
    Field(1, "traceId", "trace_id", .traceID), Field(2, "spanId", "span_id", .spanID),
    Field(3, "traceState", "trace_state", .text),
    Field(4, "parentSpanId", "parent_span_id", .spanID), Field(16, "flags", .fixed32),
    Field(5, "name", .text), Field(6, "kind", .enumeration(.kind)),
    Field(7, "startTimeUnixNano", "start_time_unix_nano", .fixed64),
    Field(8, "endTimeUnixNano", "end_time_unix_nano", .fixed64), attributes(9),
    droppedAttributes(10), Field(11, "events", .messages(.event)),
    Field(12, "droppedEventsCount", "dropped_events_count", .uint32),
    Field(13, "links", .messages(.link)),
    Field(14, "droppedLinksCount", "dropped_links_count", .uint32),
    Field(15, "status", .message(.status)),
  ]

  private static let logRecordFields = [
    Field(1, "timeUnixNano", "time_unix_nano", .fixed64),
    Field(11, "observedTimeUnixNano", "observed_time_unix_nano", .fixed64),
    Field(2, "severityNumber", "severity_number", .enumeration(.severity)),
    Field(3, "severityText", "severity_text", .text), Field(5, "body", .message(.value)),
    attributes(6), droppedAttributes(7), Field(8, "flags", .fixed32),
    Field(9, "traceId", "trace_id", .traceID), Field(10, "spanId", "span_id", .spanID),
    Field(12, "eventName", "event_name", .text),
  ]
}
