import WireFormats

/// Puts messages back into an OTLP request: the inverse of ``SpanRequestReader``.
struct SpanRequestWriter {
  private struct Group: Hashable {
    var resource: [UInt8]
    var scope: [UInt8]
  }

  private var order: [[UInt8]] = []
  private var scopes: [[UInt8]: [[UInt8]]] = [:]
  private var messages: [Group: [[UInt8]]] = [:]
  private var seen: Set<[UInt8]> = []

  /// Adds a span; one that is equal in every byte to an earlier one, of the same resource and
  /// scope, is left out.
  mutating func add(_ message: [UInt8], _ resource: [UInt8], _ scope: [UInt8]) {
    guard seen.insert(resource + [0, 0xff] + scope + [0, 0xff] + message).inserted else { return }
    append(message, resource, scope)
  }

  /// Adds a span whatever was added before.
  mutating func append(_ message: [UInt8], _ resource: [UInt8], _ scope: [UInt8]) {
    let group = Group(resource: resource, scope: scope)
    if scopes[resource] == nil { order.append(resource) }
    if messages[group] == nil { scopes[resource, default: []].append(scope) }
    messages[group, default: []].append(message)
  }

  /// The request as protobuf; empty when no row was added.
  func encode() -> [UInt8] {
    var request = ProtobufWriter()
    for resource in order {
      var resourceSpans = ProtobufWriter()
      resourceSpans.bytes += resource
      for scope in scopes[resource] ?? [] {
        var scopeSpans = ProtobufWriter()
        scopeSpans.bytes += scope
        for message in messages[Group(resource: resource, scope: scope)] ?? [] {
          scopeSpans.bytes(2, message)
        }
        resourceSpans.bytes(2, scopeSpans.bytes)
      }
      request.bytes(1, resourceSpans.bytes)
    }
    return request.bytes
  }
}
