import Bytes
import TelemetryModel
import WireFormats

/// Zipkin's older spans, of its API v1: annotations that tell the kind by their values.
///
/// Each span becomes one of OTLP for each kind that it tells of, as Zipkin's V1SpanConverter and
/// the OpenTelemetry Collector do: `cs`/`cr` a client, `sr`/`ss` a server, `ms` a producer, `mr` a
/// consumer; `sa`, `ca` and `ma` name the other side. All other binary annotations are attributes.
package enum ZipkinV1 {
  /// Reads the JSON body of `POST /api/v1/spans`; an empty body holds no spans.
  ///
  /// Throws ``TraceFormatError`` and gives nothing in part.
  package static func transcode(
    json body: [UInt8], limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) -> TranscodedSpans {
    guard !body.isEmpty else { return .none }
    return try TranscodedSpans.reading(body) { text in
      var decoder = ZipkinV1JSONDecoder(text, limits)
      return try decoder.body()
    }
  }

  /// Reads the Thrift body of `POST /api/v1/spans`: a bare list of `Span` in the binary protocol
  /// (github.com/openzipkin/zipkin-api, thrift/zipkinCore.thrift).
  package static func transcode(
    thrift body: [UInt8], limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) -> TranscodedSpans {
    guard !body.isEmpty else { return .none }
    return try TranscodedSpans.reading(body) { bytes in
      var decoder = ZipkinV1ThriftDecoder(ThriftReader(bytes, .binary), limits)
      return try decoder.body()
    }
  }
}

/// One span of v1 while it is read; used again for the next.
struct ZipkinV1Fields {
  enum Core {
    case clientSend, clientReceive, serverReceive, serverSend, messageSend, messageReceive

    init?(_ value: UnsafeRawBufferPointer) {
      guard value.count == 2 else { return nil }
      switch (value[0], value[1]) {
      case (0x63, 0x73): self = .clientSend
      case (0x63, 0x72): self = .clientReceive
      case (0x73, 0x72): self = .serverReceive
      case (0x73, 0x73): self = .serverSend
      case (0x6d, 0x73): self = .messageSend
      case (0x6d, 0x72): self = .messageReceive
      default: return nil
      }
    }

    var kind: SpanKind {
      switch self {
      case .clientSend, .clientReceive: .client
      case .serverReceive, .serverSend: .server
      case .messageSend: .producer
      case .messageReceive: .consumer
      }
    }

    var isBegin: Bool { self != .clientReceive && self != .serverSend }
  }

  struct Event {
    var core: Core
    var microseconds: UInt64
    var endpoint: ZipkinFields.Endpoint?
  }

  /// What both versions have; its `local` is found from the annotations.
  var span = ZipkinFields()
  var events: [Event] = []
  /// The first endpoint that an annotation or a tag names.
  var firstEndpoint: ZipkinFields.Endpoint?
  /// `ca`, `sa` or `ma`.
  var addresses: [(kind: UInt8, endpoint: ZipkinFields.Endpoint)] = []

  mutating func removeAll() {
    span.removeAll()
    span.keepsTags = true
    events.removeAll(keepingCapacity: true)
    addresses.removeAll(keepingCapacity: true)
    firstEndpoint = nil
  }

  mutating func addAnnotation(
    _ value: UnsafeRawBufferPointer, _ microseconds: UInt64, _ endpoint: ZipkinFields.Endpoint?
  ) {
    if firstEndpoint == nil { firstEndpoint = endpoint }
    if let core = Core(value) {
      events.append(Event(core: core, microseconds: microseconds, endpoint: endpoint))
    } else {
      span.annotations.append(
        .init(microseconds: microseconds, value: span.tags.add(text: value)))
    }
  }

  /// A binary annotation that is true and whose key names a side: not an attribute.
  mutating func addAddress(_ key: Range<Int>, _ endpoint: ZipkinFields.Endpoint?) -> Bool {
    let names: [StaticString] = ["ca", "sa", "ma"]
    guard names.contains(where: { span.tags.equals(key, $0) }) else { return false }
    if let endpoint { addresses.append((span.tags.texts[key.lowerBound], endpoint)) }
    return true
  }

  /// Writes the span, or one for each kind that its annotations tell.
  mutating func write(to output: inout ZipkinRequestWriter) throws(TraceFormatError) {
    try span.checkIdentifiers()
    var kinds: [SpanKind] = []
    for event in events where !kinds.contains(event.core.kind) { kinds.append(event.core.kind) }
    if kinds.isEmpty { kinds = [.unspecified] }
    let whole = span
    for (index, kind) in kinds.enumerated() {
      span = whole
      span.kind = kind
      let own = events.filter { $0.core.kind == kind }
      span.local = own.compactMap(\.endpoint).first ?? firstEndpoint ?? .init()
      span.remote = remote(of: kind) ?? .init()
      setTimes(own, isOnly: kinds.count == 1)
      // The first of several has what is not told apart.
      if index > 0 {
        span.annotations.removeAll()
        let texts = span.tags
        span.tags = texts.textsOnly
      }
      if !span.remote.service.isEmpty, span.tags.find("peer.service") == nil {
        span.tags.set("peer.service", .string(span.remote.service))
      }
      output.add(&span)
    }
  }

  private func remote(of kind: SpanKind) -> ZipkinFields.Endpoint? {
    let wanted: UInt8 =
      switch kind {
      case .server: 0x63
      case .producer, .consumer: 0x6d
      default: 0x73
      }
    return addresses.first { $0.kind == wanted }?.endpoint
      ?? (kind == .unspecified ? addresses.first?.endpoint : nil)
  }

  /// A span's own times count; without them those of its annotations.
  private mutating func setTimes(_ own: [Event], isOnly: Bool) {
    let begin = own.first { $0.core.isBegin }?.microseconds ?? 0
    let end = own.first { !$0.core.isBegin }?.microseconds ?? 0
    if !isOnly || span.startMicroseconds == 0 {
      if begin > 0 {
        span.startMicroseconds = begin
        if end > begin { span.durationMicroseconds = end - begin }
      } else if span.startMicroseconds == 0, end > 0 {
        span.startMicroseconds = end
      }
    } else if span.durationMicroseconds == 0, begin > 0, end > begin {
      span.durationMicroseconds = end - begin
    }
    if span.startMicroseconds == 0 {
      span.startMicroseconds = span.annotations.map(\.microseconds).min() ?? 0
    }
  }
}
