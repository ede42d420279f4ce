import Bytes
package import TelemetryModel
import WireFormats

extension ZipkinSpan {
  /// The spans in OTLP's terms, as the OpenTelemetry Collector turns them: grouped by what made
  /// them, each group in order.
  ///
  /// Unlike the Collector, spans of one service with different resources keep each its own. Lost
  /// are the flags `debug` and `shared`, the `otel.status_code` texts that the Collector does
  /// not know, and tags that an endpoint's part has the name of.
  package static func batches(of spans: [ZipkinSpan]) -> [ResourceSpans] {
    var batches: [ResourceSpans] = []
    var batchOf: [Resource: Int] = [:]
    var scopeOf: [ScopeKey: Int] = [:]
    for zipkinSpan in spans {
      var tags = TagTable()
      for tag in zipkinSpan.tags { tags.set(tag.key, tag.value) }
      let resource = resource(of: zipkinSpan, takenFrom: &tags)
      var scope = InstrumentationScope()
      scope.name = tags.remove(ZipkinNaming.libraryName) ?? ""
      scope.version = tags.remove(ZipkinNaming.libraryVersion) ?? ""
      let batch = batchOf[resource, default: batches.count]
      if batch == batches.count {
        batchOf[resource] = batch
        batches.append(ResourceSpans())
        batches[batch].resource = resource
      }
      let key = ScopeKey(batch: batch, scope: scope)
      let group = scopeOf[key, default: batches[batch].scopes.count]
      if group == batches[batch].scopes.count {
        scopeOf[key] = group
        batches[batch].scopes.append(ScopeSpans())
        batches[batch].scopes[group].scope = scope
      }
      batches[batch].scopes[group].spans.append(zipkinSpan.otlpSpan(tags: &tags))
    }
    return batches
  }

  private struct ScopeKey: Hashable {
    var batch: Int
    var scope: InstrumentationScope
  }

  private static func resource(
    of span: ZipkinSpan, takenFrom tags: inout TagTable
  ) -> Resource {
    var resource = Resource()
    let source = tags.remove(ZipkinNaming.serviceNameSource) ?? "service.name"
    if let name = span.localEndpoint?.serviceName, !name.isEmpty,
      name != ZipkinNaming.noServiceName
    {
      resource.attributes.append(Attribute(source, .string(name)))
      tags.remove(source)
    }
    for tag in span.tags where ZipkinNaming.resourceKeys.contains(tag.key) {
      if let value = tags.remove(tag.key) {
        resource.attributes.append(Attribute(tag.key, .string(value)))
      }
    }
    return resource
  }

  private func otlpSpan(tags: inout TagTable) -> Span {
    var span = Span()
    span.traceID = traceID
    span.spanID = id
    if let parentID, parentID != id { span.parentSpanID = parentID }
    span.name = name
    span.traceState = tags.remove(ZipkinNaming.traceState) ?? ""
    span.kind = otlpKind(takenFrom: &tags)
    span.status = Self.status(takenFrom: &tags)
    span.links = Self.links(takenFrom: &tags)
    span.start = Timestamp(bits: (timestampMicroseconds ?? 0) &* 1000)
    span.end = Timestamp(bits: span.start.bits &+ (durationMicroseconds ?? 0) &* 1000)
    var attributes = AttributeTable(tags.list)
    if timestampMicroseconds == nil {
      attributes.set(ZipkinNaming.startTimeAbsent, .bool(true))
    }
    attributes.set(
      localEndpoint, address: ZipkinNaming.localAddress, port: ZipkinNaming.localPort)
    if let name = remoteEndpoint?.serviceName, !name.isEmpty {
      attributes.set(ZipkinNaming.remoteServiceName, .string(name))
    }
    attributes.set(
      remoteEndpoint, address: ZipkinNaming.remoteAddress, port: ZipkinNaming.remotePort)
    span.attributes = attributes.list
    span.events = annotations.map(SpanEvent.init)
    return span
  }

  private func otlpKind(takenFrom tags: inout TagTable) -> SpanKind {
    switch kind {
    case .client: return .client
    case .server: return .server
    case .producer: return .producer
    case .consumer: return .consumer
    case nil:
      let name = tags["span.kind"]
      if name == "internal" { tags.remove("span.kind") }
      return name == "internal" ? .internal : .unspecified
    }
  }

  /// Any `error` tag means a failed span; one that says more than `true` stays an attribute.
  private static func status(takenFrom tags: inout TagTable) -> SpanStatus {
    var status = SpanStatus()
    if let code = tags.remove(ZipkinNaming.statusCode) {
      status.code = Int32(SpanStatus.names.firstIndex(of: code) ?? 0)
      status.message = tags.remove(ZipkinNaming.statusDescription) ?? ""
    }
    if let error = tags["error"] {
      status.code = SpanStatus.error
      if error == "true" { tags.remove("error") }
    }
    return status
  }

  /// Reads back what links were written as; a tag that is none of that stays a tag.
  private static func links(takenFrom tags: inout TagTable) -> [SpanLink] {
    var links: [SpanLink] = []
    while links.count < 128 {
      let key = "\(ZipkinNaming.linkPrefix)\(links.count)"
      guard let text = tags[key], let link = SpanLink(zipkinTag: text) else { return links }
      tags.remove(key)
      links.append(link)
    }
    return links
  }
}

extension SpanLink {
  /// nil for a text that is not `trace|span|state|attributes as JSON|dropped`.
  fileprivate init?(zipkinTag text: String) {
    let parts = text.split(separator: "|", omittingEmptySubsequences: false)
    guard parts.count >= 5, let trace = TraceID(hexDigits: String(parts[0])),
      let span = SpanID(hexDigits: String(parts[1])), let last = parts.last,
      let dropped = UInt32(last),
      let attributes = [Attribute](zipkinJSON: parts[3..<(parts.count - 1)])
    else { return nil }
    self.init()
    traceID = trace
    spanID = span
    traceState = String(parts[2])
    self.attributes = attributes
    droppedAttributesCount = dropped
  }
}

extension SpanEvent {
  /// Of `name|attributes as JSON|dropped`, or else of the whole value as the name.
  fileprivate init(_ annotation: ZipkinSpan.Annotation) {
    self.init()
    time = Timestamp(bits: annotation.timestampMicroseconds &* 1000)
    name = annotation.value
    let parts = annotation.value.split(separator: "|", omittingEmptySubsequences: false)
    guard parts.count >= 3, let last = parts.last, let dropped = UInt32(last),
      let attributes = [Attribute](zipkinJSON: parts[1..<(parts.count - 1)])
    else { return }
    name = String(parts[0])
    self.attributes = attributes
    droppedAttributesCount = dropped
  }
}

extension [Attribute] {
  /// The members of a JSON object that was cut at its bars; nil when it is no object.
  fileprivate init?(zipkinJSON parts: ArraySlice<Substring>) {
    let text = parts.joined(separator: "|")
    guard let value = try? JSONValue.parse(Array<UInt8>(text.utf8), depthMax: 32),
      let members = value.members
    else { return nil }
    self = members.map { Attribute($0.key, AttributeValue($0.value)) }
  }
}

extension AttributeValue {
  fileprivate init(_ json: JSONValue) {
    switch json {
    case .null: self = .empty
    case .bool(let flag): self = .bool(flag)
    case .string(let text): self = .string(text)
    case .number(let text):
      self = Int64(text).map { .int($0) } ?? .double(Double(text) ?? .nan)
    case .array(let items): self = .array(items.map { AttributeValue($0) })
    case .object(let members):
      self = .map(members.map { Attribute($0.key, AttributeValue($0.value)) })
    }
  }
}

/// Attributes in order, found by key.
private struct AttributeTable {
  private(set) var list: [Attribute]

  init(_ tags: [ZipkinSpan.Tag]) {
    list = tags.map { Attribute($0.key, .string($0.value)) }
  }

  mutating func set(_ key: String, _ value: AttributeValue) {
    if let place = list.firstIndex(where: { $0.key == key }) {
      list[place].value = value
    } else {
      list.append(Attribute(key, value))
    }
  }

  mutating func set(_ endpoint: ZipkinEndpoint?, address: String, port: String) {
    guard let endpoint else { return }
    switch endpoint.address {
    case .v4(let text), .v6(let text): set(address, .string(text))
    case nil: break
    }
    if endpoint.port != 0 { set(port, .int(Int64(endpoint.port))) }
  }
}
