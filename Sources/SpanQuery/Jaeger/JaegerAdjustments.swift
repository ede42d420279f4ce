import Bytes
package import TelemetryModel
import TraceFormats

/// What Jaeger's query service does to a trace before it shows it, unless asked for it raw.
package enum JaegerAdjustments {
  /// Makes server spans' ids unique, sorts attributes and events, leaves out spans that are then
  /// equal, writes addresses kept as numbers in dots, moves the SDK's attributes from spans to
  /// their resource, and removes links without a trace.
  ///
  /// What could not be done is said in the span's attribute ``JaegerNaming/warningsKey``. Clocks
  /// are not corrected, as Jaeger does not by default.
  package static func adjust(_ trace: [ResourceSpans]) -> [ResourceSpans] {
    var trace = trace
    giveServersTheirOwnIDs(&trace)
    for batch in trace.indices {
      trace[batch].resource.attributes.sortByKey()
      for group in trace[batch].scopes.indices {
        trace[batch].scopes[group].scope.attributes.sortByKey()
        for span in trace[batch].scopes[group].spans.indices {
          sort(&trace[batch].scopes[group].spans[span])
        }
      }
    }
    leaveOutEqualSpans(&trace)
    for batch in trace.indices {
      for group in trace[batch].scopes.indices {
        for index in trace[batch].scopes[group].spans.indices {
          var span = trace[batch].scopes[group].spans[index]
          writeAddresses(&span.attributes)
          moveLibraryAttributes(of: &span, to: &trace[batch].resource)
          removeEmptyLinks(&span)
          trace[batch].scopes[group].spans[index] = span
        }
      }
    }
    return trace
  }

  /// Zipkin's servers share the id of the client's span; each gets a number of its own, becomes
  /// the client's child, and takes over the children.
  private static func giveServersTheirOwnIDs(_ trace: inout [ResourceSpans]) {
    var used: Set<SpanID> = []
    var clients: Set<SpanID> = []
    trace.forEachSpan { span, _, _ in
      used.insert(span.spanID)
      if span.kind == .client { clients.insert(span.spanID) }
    }
    var renamed: [SpanID: SpanID] = [:]
    var last: UInt64 = 0
    trace.changeSpans { span in
      guard span.kind == .server, clients.contains(span.spanID) else { return }
      repeat { last += 1 } while used.contains(SpanID(last))
      renamed[span.spanID] = SpanID(last)
      span.parentSpanID = span.spanID
      span.spanID = SpanID(last)
    }
    guard !renamed.isEmpty else { return }
    trace.changeSpans { span in
      guard let parent = renamed[span.parentSpanID], parent != span.spanID else { return }
      // A server that shares its id with another server keeps the client as its parent.
      span.parentSpanID = parent
    }
  }

  private static func sort(_ span: inout Span) {
    span.attributes.sortByKey()
    for event in span.events.indices { span.events[event].attributes.sortByKey() }
    for link in span.links.indices { span.links[link].attributes.sortByKey() }
    let order = span.events.enumerated().sorted {
      let (a, b) = (
        UInt64(bitPattern: $0.element.time.nanoseconds),
        UInt64(bitPattern: $1.element.time.nanoseconds)
      )
      return a == b ? $0.offset < $1.offset : a < b
    }
    span.events = order.map(\.element)
  }

  private static func leaveOutEqualSpans(_ trace: inout [ResourceSpans]) {
    struct Identity: Hashable {
      var span: Span
      var scope: InstrumentationScope
      var resource: Resource
    }
    var ids: Set<SpanID> = []
    var count = 0
    trace.forEachSpan { span, _, _ in
      ids.insert(span.spanID)
      count += 1
    }
    // Equal spans have one id: most traces have nothing to compare.
    guard ids.count < count else { return }
    var seen: Set<Identity> = []
    for batch in trace.indices {
      let resource = trace[batch].resource
      for group in trace[batch].scopes.indices {
        let scope = trace[batch].scopes[group].scope
        trace[batch].scopes[group].spans.removeAll {
          !seen.insert(Identity(span: $0, scope: scope, resource: resource)).inserted
        }
      }
    }
  }

  /// Older clients sent IPv4 addresses as numbers.
  private static func writeAddresses(_ attributes: inout [Attribute]) {
    for index in attributes.indices
    where attributes[index].key == "ip" || attributes[index].key == "peer.ipv4" {
      let number: UInt32? =
        switch attributes[index].value {
        case .int(let number): UInt32(truncatingIfNeeded: number)
        case .double(let number): UInt32(exactly: number.rounded(.towardZero))
        default: nil
        }
      guard let number else { continue }
      let octets = [24, 16, 8, 0].map { String(number >> UInt32($0) & 255) }
      attributes[index].value = .string(octets.joined(separator: "."))
    }
  }

  private static let libraryKeys: Set<String> = [
    "telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version",
    "telemetry.distro.name", "telemetry.distro.version",
  ]

  private static func moveLibraryAttributes(of span: inout Span, to resource: inout Resource) {
    for attribute in span.attributes where libraryKeys.contains(attribute.key) {
      if let value = resource.attributes.value(of: attribute.key) {
        guard value == attribute.value, case .string = value else {
          warn(
            &span,
            "conflicting values between Span and Resource for attribute \(attribute.key)")
          continue
        }
      } else {
        resource.attributes.append(attribute)
      }
      span.attributes.removeAll { $0.key.hasSameBytes(as: attribute.key) }
    }
  }

  private static func removeEmptyLinks(_ span: inout Span) {
    let count = span.links.count
    span.links.removeAll { $0.traceID.isZero }
    for _ in span.links.count..<count { warn(&span, "Invalid span link removed") }
  }

  private static func warn(_ span: inout Span, _ text: String) {
    let key = JaegerNaming.warningsKey
    guard let index = span.attributes.firstIndex(where: { $0.key.hasSameBytes(as: key) }),
      case .array(let warnings) = span.attributes[index].value
    else {
      span.attributes.append(Attribute(key, .array([.string(text)])))
      return
    }
    span.attributes[index].value = .array(warnings + [.string(text)])
  }
}

extension [Attribute] {
  /// By the bytes of the keys; equal keys keep their order.
  fileprivate mutating func sortByKey() {
    guard count > 1 else { return }
    let order = enumerated().sorted { a, b in
      if a.element.key.hasSameBytes(as: b.element.key) { return a.offset < b.offset }
      return a.element.key.precedesByBytes(b.element.key)
    }
    self = order.map(\.element)
  }
}

extension [ResourceSpans] {
  fileprivate mutating func changeSpans(_ change: (inout Span) -> Void) {
    for batch in indices {
      for group in self[batch].scopes.indices {
        for span in self[batch].scopes[group].spans.indices {
          change(&self[batch].scopes[group].spans[span])
        }
      }
    }
  }
}
