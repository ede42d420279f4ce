import Bytes
package import TelemetryModel
import WireFormats

extension JaegerJSON {
  /// Reads what ``encode(_:)`` and Jaeger's UI write: `{"data": [trace, …]}`, or one trace.
  ///
  /// Tags become what they were in OTLP: scope, kind, status and trace state are taken out of
  /// them, the field `event` of a log is its name, references beside the parent are links.
  /// - Throws: ``TraceFormatError``.
  package static func decode(_ bytes: [UInt8]) throws(TraceFormatError) -> [ResourceSpans] {
    let document: JSONValue
    do throws(JSONError) {
      document = try JSONValue.parse(bytes, bytesMax: 1 << 30, valuesMax: 64 << 20)
    } catch {
      throw TraceFormatError(.malformed, error.description)
    }
    let traces = document["data"]?.arrayValue ?? (document["spans"] == nil ? nil : [document])
    guard let traces else { throw .malformed("a Jaeger document has `data` or `spans`") }
    var out: [ResourceSpans] = []
    for trace in traces { try decode(trace, into: &out) }
    return out
  }

  private static func decode(
    _ trace: JSONValue, into out: inout [ResourceSpans]
  ) throws(TraceFormatError) {
    struct Place: Hashable {
      @ByteText var process: String
      var scope: InstrumentationScope
    }
    var processes: [ByteText: Int] = [:]
    var places: [Place: Int] = [:]
    for value in trace["spans"]?.arrayValue ?? [] {
      let (span, scope) = try decodeSpan(value)
      let process = value["processID"]?.stringValue ?? ""
      if processes[process] == nil {
        var batch = ResourceSpans()
        batch.resource = resource(value["process"] ?? trace["processes"]?[process])
        processes[process] = out.count
        out.append(batch)
      }
      guard let index = processes[process] else { continue }
      let place = Place(process: process, scope: scope)
      if places[place] == nil {
        var group = ScopeSpans()
        group.scope = scope
        places[place] = out[index].scopes.count
        out[index].scopes.append(group)
      }
      guard let group = places[place] else { continue }
      out[index].scopes[group].spans.append(span)
    }
  }

  private static func resource(_ process: JSONValue?) -> Resource {
    var resource = Resource()
    if let name = process?["serviceName"]?.stringValue {
      resource.attributes.append(Attribute("service.name", .string(name)))
    }
    resource.attributes += attributes(process?["tags"])
    return resource
  }

  private static func decodeSpan(
    _ value: JSONValue
  ) throws(TraceFormatError) -> (Span, InstrumentationScope) {
    var span = Span()
    var scope = InstrumentationScope()
    guard let trace = value["traceID"]?.stringValue.flatMap(traceID),
      let id = value["spanID"]?.stringValue.flatMap(spanID)
    else { throw .malformed("a span of a Jaeger document has no traceID or no spanID") }
    span.traceID = trace
    span.spanID = id
    span.name = value["operationName"]?.stringValue ?? ""
    span.flags = UInt32(clamping: value["flags"]?.intValue ?? 0)
    span.start = time(value["startTime"])
    let length = max(0, value["duration"]?.intValue ?? 0)
    span.end = span.start + TimeSpan(nanoseconds: length.multipliedReportingOverflow(by: 1000).0)
    for attribute in attributes(value["tags"]) { take(attribute, &span, &scope) }
    readReferences(value["references"], parent: value["parentSpanID"], into: &span)
    for log in value["logs"]?.arrayValue ?? [] {
      var event = SpanEvent()
      event.time = time(log["timestamp"])
      event.attributes = attributes(log["fields"])
      if let index = event.attributes.firstIndex(where: { $0.key == "event" }),
        case .string(let name) = event.attributes[index].value
      {
        event.name = name
        event.attributes.remove(at: index)
      }
      span.events.append(event)
    }
    let warnings = (value["warnings"]?.arrayValue ?? []).compactMap(\.stringValue)
    if !warnings.isEmpty {
      span.attributes.append(
        Attribute(JaegerNaming.warningsKey, .array(warnings.map { .string($0) })))
    }
    return (span, scope)
  }

  /// Puts a tag where it came from.
  private static func take(
    _ attribute: Attribute, _ span: inout Span, _ scope: inout InstrumentationScope
  ) {
    switch (attribute.key, attribute.value) {
    case ("otel.scope.name", .string(let text)): scope.name = text
    case ("otel.scope.version", .string(let text)): scope.version = text
    case ("span.kind", .string(let text)):
      guard let kind = JaegerNaming.kind(named: text) else {
        span.attributes.append(attribute)
        return
      }
      span.kind = kind
    case ("otel.status_code", .string("OK")): span.status.code = SpanStatus.ok
    case ("otel.status_code", .string("ERROR")), ("error", .bool(true)):
      span.status.code = SpanStatus.error
    case ("otel.status_description", .string(let text)): span.status.message = text
    case ("w3c.tracestate", .string(let text)): span.traceState = text
    default: span.attributes.append(attribute)
    }
  }

  /// The first reference to a parent in the same trace is the parent; others are links.
  private static func readReferences(
    _ references: JSONValue?, parent: JSONValue?, into span: inout Span
  ) {
    if let id = parent?.stringValue.flatMap(spanID) { span.parentSpanID = id }
    for reference in references?.arrayValue ?? [] {
      guard let trace = reference["traceID"]?.stringValue.flatMap(traceID),
        let id = reference["spanID"]?.stringValue.flatMap(spanID)
      else { continue }
      let isChild = reference["refType"]?.stringValue == "CHILD_OF"
      if isChild, trace == span.traceID, span.parentSpanID.isZero || span.parentSpanID == id,
        !span.links.contains(where: { $0.spanID == id && $0.traceID == trace })
      {
        span.parentSpanID = id
        continue
      }
      var link = SpanLink()
      link.traceID = trace
      link.spanID = id
      let type = isChild ? "child_of" : "follows_from"
      link.attributes = [Attribute("opentracing.ref_type", .string(type))]
      span.links.append(link)
    }
  }

  private static func attributes(_ tags: JSONValue?) -> [Attribute] {
    (tags?.arrayValue ?? []).compactMap { tag in
      guard let key = tag["key"]?.stringValue, let value = tag["value"] else { return nil }
      return Attribute(key, self.value(value, type: tag["type"]?.stringValue ?? "string"))
    }
  }

  private static func value(_ value: JSONValue, type: String) -> AttributeValue {
    let text = value.stringValue
    switch type {
    case "bool": return value.boolValue.map { .bool($0) } ?? .string(text ?? "")
    case "int64", "long":
      return (value.intValue ?? text.flatMap { Int64($0) }).map { .int($0) } ?? .string(text ?? "")
    case "float64", "double":
      if case .number(let digits) = value, let number = Double(digits) { return .double(number) }
      switch text {
      case "NaN": return .double(.nan)
      case "+Inf", "Infinity": return .double(.infinity)
      case "-Inf", "-Infinity": return .double(-.infinity)
      default: return text.flatMap { Double($0) }.map { .double($0) } ?? .string(text ?? "")
      }
    case "binary":
      guard let bytes = try? Base64.decode((text ?? "").utf8) else { return .string(text ?? "") }
      return .bytes(bytes)
    default:
      if case .number(let digits) = value { return .string(digits) }
      if let flag = value.boolValue { return .string(flag ? "true" : "false") }
      return .string(text ?? "")
    }
  }

  private static func time(_ value: JSONValue?) -> Timestamp {
    let (product, overflow) = max(0, value?.intValue ?? 0).multipliedReportingOverflow(by: 1000)
    return overflow ? .distantFuture : Timestamp(nanoseconds: product)
  }

  /// Up to 32 digits, zeros in front may be missing.
  private static func traceID(_ text: String) -> TraceID? {
    guard (1...32).contains(text.utf8.count) else { return nil }
    let low = text.suffix(16)
    let high = text.dropLast(16)
    guard let lowBits = UInt64(low, radix: 16),
      let highBits = high.isEmpty ? 0 : UInt64(high, radix: 16)
    else { return nil }
    return TraceID(high: highBits, low: lowBits)
  }

  private static func spanID(_ text: String) -> SpanID? {
    UInt64(text, radix: 16).map { SpanID($0) }
  }
}
