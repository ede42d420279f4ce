import TelemetryModel
import WireFormats

/// Decodes OTLP's messages from JSON, one function for each, straight from the scanner.
struct OTLPTraceJSONDecoder {
  var scanner: JSONScanner
  var budget: DecodingBudget

  init(_ text: UnsafeRawBufferPointer, _ limits: TraceDecodingLimits) {
    // One level of an attribute's array or map is four of JSON; the rest is what stands above.
    scanner = JSONScanner(text, depthMax: limits.depthMax * 4 + 64)
    budget = DecodingBudget(limits)
  }

  mutating func body() throws -> [ResourceSpans] {
    var batches: [ResourceSpans] = []
    try members(try scanner.next()) { decoder, name in
      if name == "result" {
        try decoder.members(try decoder.scanner.next()) { decoder, name in
          try decoder.batches(name, into: &batches)
        }
      } else {
        try decoder.batches(name, into: &batches)
      }
    }
    try scanner.finish()
    return batches
  }

  private mutating func batches(_ name: String, into batches: inout [ResourceSpans]) throws {
    guard name == "resourceSpans" || name == "resource_spans" else {
      try scanner.skipValue()
      return
    }
    try items { decoder, token in
      try decoder.budget.countValue()
      batches.append(try decoder.resourceSpans(token))
    }
  }

  private mutating func resourceSpans(_ token: JSONToken) throws -> ResourceSpans {
    var batch = ResourceSpans()
    try members(token) { decoder, name in
      switch name {
      case "resource": try decoder.resource(into: &batch.resource)
      case "scopeSpans", "scope_spans":
        try decoder.items { decoder, token in
          try decoder.budget.countValue()
          batch.scopes.append(try decoder.scopeSpans(token))
        }
      case "schemaUrl", "schema_url": batch.resource.schemaURL = try decoder.text()
      default: try decoder.scanner.skipValue()
      }
    }
    return batch
  }

  mutating func resource(into resource: inout Resource) throws {
    try members(try scanner.next()) { decoder, name in
      switch name {
      case "attributes": try decoder.attributes(into: &resource.attributes, depth: 0)
      case "droppedAttributesCount", "dropped_attributes_count":
        resource.droppedAttributesCount = try decoder.uint32()
      default: try decoder.scanner.skipValue()
      }
    }
  }

  private mutating func scopeSpans(_ token: JSONToken) throws -> ScopeSpans {
    var group = ScopeSpans()
    try members(token) { decoder, name in
      switch name {
      case "scope": try decoder.scope(into: &group.scope)
      case "spans":
        try decoder.items { decoder, token in
          try decoder.budget.countSpan()
          group.spans.append(try decoder.span(token))
        }
      case "schemaUrl", "schema_url": group.scope.schemaURL = try decoder.text()
      default: try decoder.scanner.skipValue()
      }
    }
    return group
  }

  mutating func scope(into scope: inout InstrumentationScope) throws {
    try members(try scanner.next()) { decoder, name in
      switch name {
      case "name": scope.name = try decoder.text()
      case "version": scope.version = try decoder.text()
      case "attributes": try decoder.attributes(into: &scope.attributes, depth: 0)
      case "droppedAttributesCount", "dropped_attributes_count":
        scope.droppedAttributesCount = try decoder.uint32()
      default: try decoder.scanner.skipValue()
      }
    }
  }

  private mutating func span(_ token: JSONToken) throws -> Span {
    var span = Span()
    try members(token) { decoder, name in
      switch name {
      case "traceId", "trace_id": span.traceID = try decoder.traceID()
      case "spanId", "span_id": span.spanID = try decoder.spanID()
      case "traceState", "trace_state": span.traceState = try decoder.text()
      case "parentSpanId", "parent_span_id": span.parentSpanID = try decoder.spanID()
      case "flags": span.flags = try decoder.uint32()
      case "name": span.name = try decoder.text()
      case "kind": span.kind = SpanKind(rawValue: try decoder.enumeration(SpanKind.names))
      case "startTimeUnixNano", "start_time_unix_nano": span.start = try decoder.time()
      case "endTimeUnixNano", "end_time_unix_nano": span.end = try decoder.time()
      case "attributes": try decoder.attributes(into: &span.attributes, depth: 0)
      case "droppedAttributesCount", "dropped_attributes_count":
        span.droppedAttributesCount = try decoder.uint32()
      case "events": try decoder.items { span.events.append(try $0.event($1)) }
      case "droppedEventsCount", "dropped_events_count":
        span.droppedEventsCount = try decoder.uint32()
      case "links": try decoder.items { span.links.append(try $0.link($1)) }
      case "droppedLinksCount", "dropped_links_count":
        span.droppedLinksCount = try decoder.uint32()
      case "status": try decoder.status(into: &span.status)
      default: try decoder.scanner.skipValue()
      }
    }
    return span
  }

  private mutating func event(_ token: JSONToken) throws -> SpanEvent {
    try budget.countValue()
    var event = SpanEvent()
    try members(token) { decoder, name in
      switch name {
      case "timeUnixNano", "time_unix_nano": event.time = try decoder.time()
      case "name": event.name = try decoder.text()
      case "attributes": try decoder.attributes(into: &event.attributes, depth: 0)
      case "droppedAttributesCount", "dropped_attributes_count":
        event.droppedAttributesCount = try decoder.uint32()
      default: try decoder.scanner.skipValue()
      }
    }
    return event
  }

  private mutating func link(_ token: JSONToken) throws -> SpanLink {
    try budget.countValue()
    var link = SpanLink()
    try members(token) { decoder, name in
      switch name {
      case "traceId", "trace_id": link.traceID = try decoder.traceID()
      case "spanId", "span_id": link.spanID = try decoder.spanID()
      case "traceState", "trace_state": link.traceState = try decoder.text()
      case "attributes": try decoder.attributes(into: &link.attributes, depth: 0)
      case "droppedAttributesCount", "dropped_attributes_count":
        link.droppedAttributesCount = try decoder.uint32()
      case "flags": link.flags = try decoder.uint32()
      default: try decoder.scanner.skipValue()
      }
    }
    return link
  }

  private mutating func status(into status: inout SpanStatus) throws {
    try members(try scanner.next()) { decoder, name in
      switch name {
      case "message": status.message = try decoder.text()
      case "code": status.code = try decoder.enumeration(SpanStatus.names)
      default: try decoder.scanner.skipValue()
      }
    }
  }
}

/// Attributes and their values.
extension OTLPTraceJSONDecoder {
  mutating func attributes(into attributes: inout [Attribute], depth: Int) throws {
    try items { decoder, token in
      try decoder.budget.countValue()
      var attribute = Attribute("", .empty)
      try decoder.members(token) { decoder, name in
        switch name {
        case "key": attribute.key = try decoder.text()
        case "value":
          attribute.value = try decoder.value(try decoder.scanner.next(), depth: depth)
        default: try decoder.scanner.skipValue()
        }
      }
      attributes.append(attribute)
    }
  }

  mutating func value(_ token: JSONToken, depth: Int) throws -> AttributeValue {
    var value = AttributeValue.empty
    try members(token) { decoder, name in
      switch name {
      case "stringValue", "string_value": value = .string(try decoder.text())
      case "boolValue", "bool_value": value = .bool(try decoder.bool())
      case "intValue", "int_value": value = .int(try decoder.int64())
      case "doubleValue", "double_value": value = .double(try decoder.double())
      case "bytesValue", "bytes_value": value = .bytes(try decoder.base64())
      case "arrayValue", "array_value":
        value = .array(try decoder.array(depth: depth + 1))
      case "kvlistValue", "kvlist_value":
        value = .map(try decoder.map(depth: depth + 1))
      default: try decoder.scanner.skipValue()
      }
    }
    return value
  }

  private mutating func array(depth: Int) throws -> [AttributeValue] {
    try budget.checkDepth(depth)
    var list: [AttributeValue] = []
    try members(try scanner.next()) { decoder, name in
      guard name == "values" else {
        try decoder.scanner.skipValue()
        return
      }
      try decoder.items { decoder, token in
        try decoder.budget.countValue()
        list.append(try decoder.value(token, depth: depth))
      }
    }
    return list
  }

  private mutating func map(depth: Int) throws -> [Attribute] {
    try budget.checkDepth(depth)
    var map: [Attribute] = []
    try members(try scanner.next()) { decoder, name in
      guard name == "values" else {
        try decoder.scanner.skipValue()
        return
      }
      try decoder.attributes(into: &map, depth: depth)
    }
    return map
  }
}
