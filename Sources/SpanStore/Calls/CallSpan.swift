import Bytes
import TelemetryModel
import TraceFormats

/// What is asked of a span to find calls between services.
struct CallSpan {
  var id: UInt64
  /// Zero for none.
  var parent: UInt64
  /// Nanoseconds since 1970, OTLP's bits.
  var start: Int64
  var end: Int64
  /// OTLP's numbers.
  var kind: Int32
  var status: Int32
  var parties: CallParties
}

/// Who takes part in a span's call, as numbers of ``CallNames``; -1 for nobody.
struct CallParties: Hashable {
  /// The service as Jaeger shows it.
  var service: Int32 = -1
  /// The service as Zipkin has it, and in small letters.
  var local: Int32 = -1
  var localName: Int32 = -1
  /// The other side in small letters, by Zipkin's rules.
  var remoteName: Int32 = -1
}

/// Names by number. Used by one thread.
final class CallNames {
  private(set) var names: [String] = []
  private var numbers: [ByteText: Int32] = [:]

  func number(of name: String) -> Int32 {
    if let known = numbers[name] { return known }
    let new = Int32(names.count)
    names.append(name)
    numbers[name] = new
    return new
  }

  /// -1 for the empty name.
  fileprivate func optionalNumber(of name: String) -> Int32 {
    name.isEmpty ? -1 : number(of: name)
  }

  /// The parties of a span of `resource`, of whose attributes are given those that tell peers.
  func parties(_ resource: Resource, peers: [Attribute]) -> CallParties {
    var span = Span()
    span.traceID = TraceID(high: 0, low: 1)
    span.spanID = SpanID(1)
    span.attributes = peers
    var group = ScopeSpans()
    group.spans = [span]
    var batch = ResourceSpans()
    batch.resource = resource
    batch.scopes = [group]
    var parties = CallParties()
    parties.service = number(of: JaegerNaming.service(resource))
    guard let zipkin = ZipkinSpan.spans(of: [batch]).first else { return parties }
    let local = zipkin.localEndpoint?.serviceName ?? ""
    parties.local = number(of: local)
    parties.localName = optionalNumber(of: local.lowercased())
    let remote = zipkin.remoteEndpoint?.serviceName ?? ""
    parties.remoteName = optionalNumber(of: remote.lowercased())
    return parties
  }
}

/// What a span itself says of the other side: the texts of ``ZipkinSpan/remoteNameKeys``.
struct CallPeers: Hashable {
  var texts = [ByteText?](repeating: nil, count: ZipkinSpan.remoteNameKeys.count)

  var attributes: [Attribute] {
    zip(ZipkinSpan.remoteNameKeys, texts).compactMap { key, text in
      text.map { Attribute(key, .string($0.text)) }
    }
  }
}

/// The parties of the spans of one place, whose resources have numbers; each is found out once.
final class CallPartyTable {
  private struct Key: Hashable {
    var resource: Int
    var peers: CallPeers
  }

  /// Parties that are kept at most; more are found out again.
  private static let knownMax = 1 << 16

  private let names: CallNames
  private let fields: (Int) -> [UInt8]
  /// By number, as far as one was asked for.
  private var resources: [(resource: Resource, parties: CallParties)?] = []
  private var known: [Key: CallParties] = [:]

  /// `fields` gives those of OTLP's `ResourceSpans` for a resource's number; numbers go from 0 on
  /// and have few gaps.
  init(_ names: CallNames, fields: @escaping (Int) -> [UInt8]) {
    self.names = names
    self.fields = fields
  }

  func parties(resource number: Int, peers: CallPeers? = nil) -> CallParties {
    let resource: Resource
    if number < resources.count, let found = resources[number] {
      guard peers != nil else { return found.parties }
      resource = found.resource
    } else {
      let told = try? OTLPTraceProtobuf.decodeResourceSpans(fields(number).span.bytes)
      resource = told?.resource ?? Resource()
      let parties = names.parties(resource, peers: [])
      if number >= resources.count {
        resources += Array(repeating: nil, count: number + 1 - resources.count)
      }
      resources[number] = (resource, parties)
      guard peers != nil else { return parties }
    }
    guard let peers else { return CallParties() }
    let key = Key(resource: number, peers: peers)
    if let found = known[key] { return found }
    let parties = names.parties(resource, peers: peers.attributes)
    if known.count < Self.knownMax { known[key] = parties }
    return parties
  }
}

extension CallSpan {
  /// Whether two of the spans of a trace may be one that was sent twice: only their messages tell.
  ///
  /// `scratch` is room that is used again from trace to trace.
  static func mayHaveTwins(_ spans: ArraySlice<CallSpan>, _ scratch: inout [Int]) -> Bool {
    // Those that are sent twice start together.
    if zip(spans, spans.dropFirst()).allSatisfy({ $0.start < $1.start }) { return false }
    scratch.removeAll(keepingCapacity: true)
    scratch.append(contentsOf: spans.indices)
    scratch.sort { a, b in
      spans[a].id == spans[b].id ? spans[a].start < spans[b].start : spans[a].id < spans[b].id
    }
    for (a, b) in zip(scratch, scratch.dropFirst()) {
      let (first, second) = (spans[a], spans[b])
      if first.id == second.id, first.start == second.start, first.end == second.end,
        first.kind == second.kind, first.parent == second.parent
      {
        return true
      }
    }
    return false
  }

  /// The spans of a trace that was read whole, each span once, by their start.
  static func spans(of trace: [ResourceSpans], _ names: CallNames) -> [CallSpan] {
    var out: [CallSpan] = []
    trace.forEachSpan { span, _, resource in
      let peers = span.attributes.filter { ZipkinSpan.remoteNameKeys.contains($0.key) }
      out.append(
        CallSpan(
          id: span.spanID.value, parent: span.parentSpanID.value, start: span.start.nanoseconds,
          end: span.end.nanoseconds, kind: span.kind.rawValue, status: span.status.code,
          parties: names.parties(resource, peers: peers)))
    }
    return out.orderedByStart
  }
}
