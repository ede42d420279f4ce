import Bytes
package import TelemetryModel
import TraceFormats

/// One condition on a span that the store decides, on its columns where it can.
package struct SpanCondition: Sendable {
  /// Where an attribute may stand.
  package struct Places: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let span = Places(rawValue: 1)
    package static let resource = Places(rawValue: 2)
    package static let scope = Places(rawValue: 4)
    package static let event = Places(rawValue: 8)
    package static let link = Places(rawValue: 16)
    package static let anywhere: Places = [.span, .resource, .scope, .event, .link]
  }

  package enum Subject: Sendable, Hashable {
    /// The first attribute of that key in one of the places; of events and links in any one.
    case attribute(String, Places)
    /// OTLP's numbers, as `int`.
    case kind
    case statusCode
  }

  package enum Test: Sendable {
    /// The value's text is exactly this.
    case text(String)
    /// Called once for each different value, as a rule.
    case holds(@Sendable (AttributeValue) -> Bool)
  }

  package var subject: Subject
  package var test: Test

  package init(_ subject: Subject, _ test: Test) {
    self.subject = subject
    self.test = test
  }

  func holds(_ value: AttributeValue) -> Bool {
    switch test {
    case .text(let text): value.text.hasSameBytes(as: text)
    case .holds(let holds): holds(value)
    }
  }

  /// Whether it holds for a span that was read whole: what the columns must agree with.
  package func holds(_ span: Span, _ resource: Resource, _ scope: InstrumentationScope) -> Bool {
    switch subject {
    case .kind: return holds(.int(Int64(span.kind.rawValue)))
    case .statusCode: return holds(.int(Int64(span.status.code)))
    case .attribute(let key, let places):
      func first(_ attributes: [Attribute]) -> Bool {
        attributes.value(of: key).map(holds) ?? false
      }
      return places.contains(.span) && first(span.attributes)
        || places.contains(.resource) && first(resource.attributes)
        || places.contains(.scope) && first(scope.attributes)
        || places.contains(.event) && span.events.contains { first($0.attributes) }
        || places.contains(.link) && span.links.contains { first($0.attributes) }
    }
  }
}
