import WireFormats

/// Puts rows back into an OTLP request: the inverse of ``SpanRequestReader``.
struct SpanRequestWriter {
  private struct Group: Hashable {
    var resource: [UInt8]
    var scope: [UInt8]
  }

  private var order: [[UInt8]] = []
  private var scopes: [[UInt8]: [[UInt8]]] = [:]
  private var messages: [Group: [[UInt8]]] = [:]
  private var seen: Set<[UInt8]> = []

  /// Adds a row; one that is equal in every byte to an earlier one, of the same resource and
  /// scope, is left out. Returns whether it was added.
  @discardableResult
  mutating func add(_ row: Int, of rows: SpanRows, _ dictionary: SpanDictionary) -> Bool {
    let resource = dictionary.resources[Int(rows.resources[row])]
    let scope = dictionary.scopes[Int(rows.scopes[row])]
    let message = Array(rows.message(row))
    guard seen.insert(resource + [0, 0xff] + scope + [0, 0xff] + message).inserted else {
      return false
    }
    let group = Group(resource: resource, scope: scope)
    if scopes[resource] == nil { order.append(resource) }
    if messages[group] == nil { scopes[resource, default: []].append(scope) }
    messages[group, default: []].append(message)
    return true
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
