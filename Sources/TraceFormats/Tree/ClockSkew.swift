import Bytes
package import TelemetryModel

/// Moves the spans of hosts whose clocks are off, so that children lie within their parents.
///
/// As Jaeger's query service can: a span of another host than its parent's is moved to the middle
/// of the parent when it does not lie within, or to the parent's start when it lasted longer; what
/// is below on the same host moves with it. Events move with their span. Each moved span says so
/// in its attribute ``JaegerNaming/warningsKey``.
package enum ClockSkew {
  package static func adjust(_ batches: [ResourceSpans]) -> [ResourceSpans] {
    let tree = SpanTree(batches)
    var moves = Array(repeating: Int64(0), count: tree.nodes.count)
    for index in tree.nodes.indices {
      let node = tree.nodes[index]
      guard let parent = node.parent else { continue }
      let above = tree.nodes[parent]
      if node.host.hasSameBytes(as: above.host), !node.host.isEmpty {
        moves[index] = moves[parent]
      } else {
        moves[index] = move(node.span, into: above.span, movedBy: moves[parent])
      }
    }
    var byIdentity: [Identity: Int64] = [:]
    for (node, move) in zip(tree.nodes, moves) where move != 0 {
      byIdentity[Identity(node.span)] = move
    }
    guard !byIdentity.isEmpty else { return batches }
    var out = batches
    for batch in out.indices {
      for group in out[batch].scopes.indices {
        for index in out[batch].scopes[group].spans.indices {
          let span = out[batch].scopes[group].spans[index]
          guard let move = byIdentity[Identity(span)] else { continue }
          out[batch].scopes[group].spans[index] = moved(span, by: move)
        }
      }
    }
    return out
  }

  /// Spans may share an id, as Zipkin's clients and servers do.
  private struct Identity: Hashable {
    var id: SpanID
    var kind: SpanKind
    var start: Timestamp

    init(_ span: Span) {
      id = span.spanID
      kind = span.kind
      start = span.start
    }
  }

  /// Nanoseconds to add to the span's times.
  private static func move(_ span: Span, into parent: Span, movedBy move: Int64) -> Int64 {
    let parentStart = parent.start.nanoseconds &+ move
    let parentLength = max(0, (parent.end - parent.start).nanoseconds)
    let length = max(0, (span.end - span.start).nanoseconds)
    let start = span.start.nanoseconds
    if length > parentLength {
      // The parent did not wait for it: only its start can be said to be wrong.
      return start < parentStart ? parentStart &- start : 0
    }
    if start >= parentStart, start &+ length <= parentStart &+ parentLength { return 0 }
    return parentStart &+ (parentLength - length) / 2 &- start
  }

  private static func moved(_ span: Span, by move: Int64) -> Span {
    let length = TimeSpan(nanoseconds: move)
    var out = span
    out.start = out.start + length
    out.end = out.end + length
    for index in out.events.indices { out.events[index].time = out.events[index].time + length }
    let warning = AttributeValue.string(
      "This span's timestamps were adjusted by \(length.goDescription)")
    let key = JaegerNaming.warningsKey
    if let known = out.attributes.firstIndex(where: { $0.key.hasSameBytes(as: key) }),
      case .array(let warnings) = out.attributes[known].value
    {
      out.attributes[known].value = .array(warnings + [warning])
    } else {
      out.attributes.append(Attribute(key, .array([warning])))
    }
    return out
  }
}
