import TelemetryModel
import TraceFormats
import TraceQL

/// The fields that a span has by itself, without the trace around it.
struct SpanFields {
  let span: Span
  let scope: InstrumentationScope
  let resource: Resource

  init(_ span: Span, _ scope: InstrumentationScope, _ resource: Resource) {
    self.span = span
    self.scope = scope
    self.resource = resource
  }

  /// Nil for what only the whole trace tells.
  func value(_ field: TraceField) -> TraceValue? {
    switch field {
    case .attribute(let scope, let name): attribute(scope, name)
    case .parentAttribute: nil
    case .intrinsic(let intrinsic): value(intrinsic)
    }
  }

  func attribute(_ scope: TraceScope, _ name: String) -> TraceValue {
    switch scope {
    case .span: return TraceValue(span.attributes.value(of: name))
    case .resource: return TraceValue(resource.attributes.value(of: name))
    case .instrumentation: return TraceValue(self.scope.attributes.value(of: name))
    case .event:
      return .ofSeveral(span.events.compactMap { $0.attributes.value(of: name) })
    case .link: return .ofSeveral(span.links.compactMap { $0.attributes.value(of: name) })
    case .any:
      for scope in [TraceScope.span, .resource, .event, .link, .instrumentation] {
        let value = attribute(scope, name)
        if value != .absent { return value }
      }
      return .absent
    }
  }

  private func value(_ intrinsic: TraceIntrinsic) -> TraceValue? {
    switch intrinsic {
    case .duration: .duration(max(span.end, span.start) - span.start)
    case .name: .string(span.name)
    case .status: .status(span.status.code)
    case .statusMessage: .string(span.status.message)
    case .kind: .kind(span.kind)
    case .spanID: .string(span.spanID.hex)
    case .parentID: .string(span.parentSpanID.isZero ? "" : span.parentSpanID.hex)
    case .traceID: .string(span.traceID.hex)
    case .eventName: .ofSeveral(span.events.map { AttributeValue.string($0.name) })
    case .eventTimeSinceStart:
      span.events.isEmpty
        ? .absent : .several(span.events.map { .duration($0.time - span.start) })
    case .linkSpanID: .ofSeveral(span.links.map { AttributeValue.string($0.spanID.hex) })
    case .linkTraceID: .ofSeveral(span.links.map { AttributeValue.string($0.traceID.hex) })
    case .instrumentationName: .string(scope.name)
    case .instrumentationVersion: .string(scope.version)
    case .parent, .childCount, .rootName, .rootServiceName, .traceDuration, .nestedSetLeft,
      .nestedSetRight, .nestedSetParent:
      nil
    }
  }
}

extension TraceField {
  /// Whether only the whole trace tells its value.
  var needsTrace: Bool {
    switch self {
    case .attribute: false
    case .parentAttribute: true
    case .intrinsic(let intrinsic):
      switch intrinsic {
      case .parent, .childCount, .rootName, .rootServiceName, .traceDuration, .nestedSetLeft,
        .nestedSetRight, .nestedSetParent:
        true
      default: false
      }
    }
  }
}

extension TraceValue {
  /// An attribute's value; maps, bytes, empty values and mixed arrays are their text.
  init(_ value: AttributeValue?) {
    switch value {
    case nil: self = .absent
    case .string(let text): self = .string(text)
    case .bool(let flag): self = .bool(flag)
    case .int(let number): self = .int(number)
    case .double(let number): self = .float(number)
    case .array(let elements):
      let values = elements.map { TraceValue($0) }
      let isUniform = values.allSatisfy { $0.type == values.first?.type }
      self = isUniform ? .array(values) : .string(value?.text ?? "")
    case .map, .bytes, .empty: self = .string(value?.text ?? "")
    }
  }

  /// The first of several values; any other as it is.
  var first: TraceValue {
    guard case .several(let values) = self else { return self }
    return values.first ?? .absent
  }

  static func ofSeveral(_ values: [AttributeValue]) -> TraceValue {
    switch values.count {
    case 0: .absent
    case 1: TraceValue(values[0])
    default: .several(values.map { TraceValue($0) })
    }
  }
}
