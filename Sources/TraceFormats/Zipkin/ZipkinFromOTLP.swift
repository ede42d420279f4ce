import Bytes
package import TelemetryModel

extension ZipkinSpan {
  /// The batches' spans in Zipkin's terms, in order, as the OpenTelemetry Collector turns them;
  /// spans without a trace's or an own id are left out, which Zipkin does not know.
  ///
  /// Lost: nanoseconds, types of values, schema URLs, counts of what was dropped on spans, and
  /// attributes of the same name on the resource and the span but the span's.
  package static func spans(of batches: [ResourceSpans]) -> [ZipkinSpan] {
    var spans: [ZipkinSpan] = []
    for batch in batches {
      var shared = TagTable()
      for attribute in batch.resource.attributes {
        shared.set(attribute.key, attribute.value.text)
      }
      let service = serviceName(takenFrom: &shared)
      for group in batch.scopes {
        var tags = shared
        if !group.scope.name.isEmpty { tags.set(ZipkinNaming.libraryName, group.scope.name) }
        if !group.scope.version.isEmpty {
          tags.set(ZipkinNaming.libraryVersion, group.scope.version)
        }
        for span in group.spans where !span.traceID.isZero && !span.spanID.isZero {
          spans.append(ZipkinSpan(span, service: service, tags: tags))
        }
      }
    }
    return spans
  }

  /// The attributes that tell the other side's name, the better one first.
  package static let remoteNameKeys = [
    ZipkinNaming.remoteServiceName, ZipkinNaming.olderRemoteServiceName,
  ]

  private static func serviceName(takenFrom tags: inout TagTable) -> String {
    if let name = tags.remove("service.name") { return name }
    for source in ZipkinNaming.serviceNameSubstitutes {
      if let name = tags.remove(source) {
        tags.set(ZipkinNaming.serviceNameSource, source)
        return name
      }
    }
    return ZipkinNaming.noServiceName
  }

  private init(_ span: Span, service: String, tags inherited: TagTable) {
    self.init()
    var tags = inherited
    for attribute in span.attributes { tags.set(attribute.key, attribute.value.text) }
    traceID = span.traceID
    id = span.spanID
    if !span.parentSpanID.isZero { parentID = span.parentSpanID }
    name = span.name
    kind =
      switch span.kind {
      case .client: .client
      case .server: .server
      case .producer: .producer
      case .consumer: .consumer
      default: nil
      }
    if span.kind == .internal { tags.set("span.kind", "internal") }
    if span.start != .zero { timestampMicroseconds = Self.microseconds(span.start.bits) }
    tags.remove(ZipkinNaming.startTimeAbsent)
    if span.end.bits > span.start.bits {
      durationMicroseconds = max(1, Self.microseconds(span.end.bits - span.start.bits))
    }
    if !span.traceState.isEmpty { tags.set(ZipkinNaming.traceState, span.traceState) }
    localEndpoint = Self.localEndpoint(service, takenFrom: &tags)
    remoteEndpoint = Self.remoteEndpoint(takenFrom: &tags)
    Self.set(span.status, in: &tags)
    annotations = span.events.map(Annotation.init)
    for (index, link) in span.links.enumerated() {
      tags.set("\(ZipkinNaming.linkPrefix)\(index)", Self.text(of: link))
    }
    self.tags = tags.list
  }

  private static func microseconds(_ nanoseconds: UInt64) -> UInt64 {
    nanoseconds / 1000 + (nanoseconds % 1000 >= 500 ? 1 : 0)
  }

  /// `error` stands for a failed span alone; the code is told when there is one.
  private static func set(_ status: SpanStatus, in tags: inout TagTable) {
    if status.code == SpanStatus.error {
      tags.set("error", "true")
    } else {
      tags.remove("error")
    }
    guard status.code != SpanStatus.unset else { return }
    let isNamed = SpanStatus.names.indices.contains(Int(status.code))
    tags.set(
      ZipkinNaming.statusCode,
      isNamed ? SpanStatus.names[Int(status.code)] : String(status.code))
    if !status.message.isEmpty { tags.set(ZipkinNaming.statusDescription, status.message) }
  }

  /// `trace|span|state|attributes as JSON|dropped`.
  private static func text(of link: SpanLink) -> String {
    [
      link.traceID.hex, link.spanID.hex, link.traceState, link.attributes.jsonText,
      String(link.droppedAttributesCount),
    ].joined(separator: "|")
  }
}

/// Endpoints: made of attributes, which then are no tags any more.
extension ZipkinSpan {
  private static func localEndpoint(
    _ service: String, takenFrom tags: inout TagTable
  ) -> ZipkinEndpoint {
    var endpoint = ZipkinEndpoint()
    endpoint.serviceName = service
    endpoint.address = address(ZipkinNaming.localAddress, takenFrom: &tags)
    endpoint.port = port(ZipkinNaming.localPort, takenFrom: &tags)
    return endpoint
  }

  private static func remoteEndpoint(takenFrom tags: inout TagTable) -> ZipkinEndpoint? {
    var endpoint = ZipkinEndpoint()
    for key in remoteNameKeys {
      guard let name = tags.remove(key) else { continue }
      endpoint.serviceName = name
      break
    }
    endpoint.address = address(ZipkinNaming.remoteAddress, takenFrom: &tags)
    // A port alone says nothing to Zipkin and stays a tag.
    guard !endpoint.isEmpty else { return nil }
    endpoint.port = port(ZipkinNaming.remotePort, takenFrom: &tags)
    return endpoint
  }

  /// What is no address, such as the path of a socket, stays a tag.
  private static func address(
    _ key: String, takenFrom tags: inout TagTable
  ) -> IPAddressText? {
    guard let text = tags[key], let address = IPAddressText(text) else { return nil }
    tags.remove(key)
    return address
  }

  private static func port(_ key: String, takenFrom tags: inout TagTable) -> UInt16 {
    guard let text = tags[key], let port = UInt16(text) else { return 0 }
    tags.remove(key)
    return port
  }
}

extension ZipkinSpan.Annotation {
  /// An event's name, or `name|attributes as JSON|dropped` when it has more than a name.
  init(_ event: SpanEvent) {
    self.init(
      timestampMicroseconds: event.time.bits / 1000 + (event.time.bits % 1000 >= 500 ? 1 : 0),
      value: event.name)
    if !event.attributes.isEmpty || event.droppedAttributesCount > 0 {
      value += "|\(event.attributes.jsonText)|\(event.droppedAttributesCount)"
    }
  }
}

/// Tags in the order in which their keys first came, found by key.
struct TagTable {
  private var entries: [ZipkinSpan.Tag?] = []
  private var places: [ByteText: Int] = [:]

  var list: [ZipkinSpan.Tag] { entries.compactMap(\.self) }

  subscript(_ key: String) -> String? { places[key].flatMap { entries[$0]?.value } }

  mutating func set(_ key: String, _ value: String) {
    if let place = places[key] {
      entries[place]?.value = value
    } else {
      places[key] = entries.count
      entries.append(ZipkinSpan.Tag(key, value))
    }
  }

  @discardableResult
  mutating func remove(_ key: String) -> String? {
    guard let place = places.removeValue(forKey: key) else { return nil }
    defer { entries[place] = nil }
    return entries[place]?.value
  }
}
