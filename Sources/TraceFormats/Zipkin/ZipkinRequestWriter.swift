import Bytes
import TelemetryModel
import WireFormats

/// Writes Zipkin's spans as an OTLP request, as the OpenTelemetry Collector turns them.
///
/// Unlike the Collector, spans of one service with different resources keep each its own. Lost
/// are the flags `debug` and `shared`, the `otel.status_code` texts that the Collector does not
/// know, and tags that an endpoint's part has the name of.
struct ZipkinRequestWriter {
  private var output = OTLPRequestWriter()
  private var resource = ProtobufWriter()
  private var scope = ProtobufWriter()

  mutating func finish() -> TranscodedSpans { output.finish() }

  /// Writes one span; its tags are used up.
  mutating func add(_ span: inout ZipkinFields) {
    resource.bytes.removeAll(keepingCapacity: true)
    scope.bytes.removeAll(keepingCapacity: true)
    if span.keepsTags {
      writeService("service.name", of: span)
    } else {
      takeResource(&span)
      takeScope(&span)
    }
    output.span(resource: resource.bytes, scope: scope.bytes) { Self.write(&span, to: &$0) }
  }

  // MARK: resource and scope

  private mutating func writeService(_ key: String, of span: ZipkinFields) {
    resource.message(1) { attribute in
      attribute.string(1, key)
      attribute.message(2) { $0.bytes(1, span.tags.texts[span.local.service]) }
    }
  }

  private mutating func takeResource(_ span: inout ZipkinFields) {
    var source: Range<Int>?
    if let place = span.tags.find("otlp.service.name.source") {
      source = span.tags.text(at: place)
      span.tags.remove(at: place)
    }
    let service = span.local.service
    if !service.isEmpty, !span.tags.equals(service, "OTLPResourceNoServiceName") {
      let key = source.map { span.tags.string($0) } ?? "service.name"
      writeService(key, of: span)
      let written = span.tags.add(key)
      if let place = span.tags.find(written) { span.tags.remove(at: place) }
    }
    for (place, entry) in span.tags.entries.enumerated()
    where !entry.isRemoved && ZipkinResourceKeys.contain(span.tags, entry.key) {
      span.tags.write(entry, 1, to: &resource)
      span.tags.remove(at: place)
    }
  }

  private mutating func takeScope(_ span: inout ZipkinFields) {
    for (field, key) in [(1, "otel.library.name" as StaticString), (2, "otel.library.version")] {
      guard let place = span.tags.find(key) else { continue }
      span.tags.remove(at: place)
      if let text = span.tags.text(at: place), !text.isEmpty {
        scope.bytes(field, span.tags.texts[text])
      }
    }
  }

  // MARK: the span

  private static func write(_ span: inout ZipkinFields, to writer: inout ProtobufWriter) {
    writer.identifier(1, span.trace)
    writer.identifier(2, span.id)
    if let place = span.tags.find("w3c.tracestate"), !span.keepsTags {
      span.tags.remove(at: place)
      if let text = span.tags.text(at: place), !text.isEmpty {
        writer.bytes(3, span.tags.texts[text])
      }
    }
    if span.parent != span.id { writer.identifier(4, span.parent) }
    if !span.name.isEmpty { writer.bytes(5, span.tags.texts[span.name]) }
    takeKind(&span)
    if span.kind != .unspecified { writer.int32(6, span.kind.rawValue) }
    let start = span.startMicroseconds &* 1000
    let end = start &+ span.durationMicroseconds &* 1000
    if start != 0 { writer.fixed64(7, start) }
    if end != 0 { writer.fixed64(8, end) }
    let status = takeStatus(&span)
    let links = span.keepsTags ? [] : takeLinks(&span.tags)
    if !span.keepsTags { addEndpoints(to: &span) }
    span.tags.write(9, to: &writer)
    for annotation in span.annotations { write(annotation, of: span, to: &writer) }
    for link in links { writer.message(13) { OTLPTraceProtobufEncoder.write(link, to: &$0) } }
    writer.status(code: status.code, message: span.tags.texts[status.message])
  }

  private static func takeKind(_ span: inout ZipkinFields) {
    guard span.kind == .unspecified, let place = span.tags.find("span.kind"),
      let text = span.tags.text(at: place), span.tags.equals(text, "internal")
    else { return }
    span.tags.remove(at: place)
    span.kind = .internal
  }

  private static func addEndpoints(to span: inout ZipkinFields) {
    if span.startMicroseconds == 0 {
      span.tags.set("otel.zipkin.absentField.startTime", .bool(true))
    }
    add(span.local, address: "network.local.address", port: "net.host.port", to: &span.tags)
    if !span.remote.service.isEmpty {
      span.tags.set("service.peer.name", .string(span.remote.service))
    }
    add(span.remote, address: "network.peer.address", port: "net.peer.port", to: &span.tags)
  }

  private static func add(
    _ endpoint: ZipkinFields.Endpoint, address: StaticString, port: StaticString,
    to tags: inout FlatAttributes
  ) {
    switch endpoint.address {
    case .v4(let text), .v6(let text): tags.set(address, .string(tags.add(text)))
    case nil: break
    }
    if endpoint.port != 0 { tags.set(port, .int(Int64(endpoint.port))) }
  }

  /// Any `error` tag means a failed span; one that says more than `true` stays an attribute, but
  /// for v1, where the Collector leaves it out.
  private static func takeStatus(_ span: inout ZipkinFields) -> (
    code: Int32, message: Range<Int>
  ) {
    var tags = span.tags
    span.tags = FlatAttributes()
    defer { span.tags = tags }
    var code = SpanStatus.unset
    var message = 0..<0
    if let place = tags.find("otel.status_code") {
      tags.remove(at: place)
      let name = tags.text(at: place).map { tags.string($0) } ?? ""
      code = Int32(SpanStatus.names.firstIndex(of: name) ?? 0)
      if let place = tags.find("otel.status_description") {
        tags.remove(at: place)
        message = tags.text(at: place) ?? 0..<0
      }
    }
    if let place = tags.find("error") {
      code = SpanStatus.error
      let text = tags.text(at: place) ?? 0..<0
      if span.keepsTags || tags.equals(text, "true") { tags.remove(at: place) }
    }
    return (code, message)
  }

  /// Reads back what links were written as; a tag that is none of that stays a tag.
  private static func takeLinks(_ tags: inout FlatAttributes) -> [SpanLink] {
    var links: [SpanLink] = []
    guard tags.find("otlp.link.0") != nil else { return links }
    while links.count < 128 {
      let key = tags.add("\(ZipkinNaming.linkPrefix)\(links.count)")
      guard let place = tags.find(key), let text = tags.text(at: place),
        let link = SpanLink(zipkinTag: tags.string(text))
      else { return links }
      tags.remove(at: place)
      links.append(link)
    }
    return links
  }

  /// An annotation's value is an event's name, or `name|attributes as JSON|dropped`.
  private static func write(
    _ annotation: ZipkinFields.Annotation, of span: ZipkinFields, to writer: inout ProtobufWriter
  ) {
    let value = span.tags.texts[annotation.value]
    writer.message(11) { event in
      if value.contains(UInt8(ascii: "|")), !span.keepsTags,
        let known = SpanEvent(zipkinAnnotation: String(decoding: value, as: UTF8.self))
      {
        var known = known
        known.time = Timestamp(bits: annotation.microseconds &* 1000)
        OTLPTraceProtobufEncoder.write(known, to: &event)
        return
      }
      if annotation.microseconds != 0 { event.fixed64(1, annotation.microseconds &* 1000) }
      if !value.isEmpty { event.bytes(2, value) }
    }
  }
}

/// The tags that describe what made the span, found by hash.
private enum ZipkinResourceKeys {
  private static let hashes = Set(ZipkinNaming.resourceKeys.map { XXH3.hash($0) })

  static func contain(_ tags: FlatAttributes, _ key: Range<Int>) -> Bool {
    let hash = tags.texts.withUnsafeBytes { XXH3.hash(UnsafeRawBufferPointer(rebasing: $0[key])) }
    return hashes.contains(hash) && ZipkinNaming.resourceKeys.contains(tags.string(key))
  }
}
