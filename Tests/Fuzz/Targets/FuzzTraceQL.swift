import HTTP
import TelemetryModel
import TraceFormats

@testable import SpanQuery
@testable import TraceAPI
@testable import TraceQL

/// A trace with a value of each type, events, links, a child and a sibling.
private let sampleTrace: TraceView = {
  var resource = Resource()
  resource.attributes = [
    Attribute("service.name", .string("shop")), Attribute("host.cpus", .int(8)),
  ]
  func span(_ id: UInt64, parent: UInt64, _ kind: SpanKind) -> Span {
    var span = Span()
    span.traceID = TraceID(high: 1, low: 2)
    span.spanID = SpanID(id)
    span.parentSpanID = SpanID(parent)
    span.name = "GET /\(id)"
    span.kind = kind
    span.start = Timestamp(nanoseconds: 1_795_170_000_000_000_000 + Int64(id) * 1_000_000)
    span.end = span.start + TimeSpan(nanoseconds: 5_000_000)
    span.status.code = id == 3 ? SpanStatus.error : SpanStatus.unset
    span.attributes = [
      Attribute("a", .string("x")), Attribute("b", .int(Int64.min)), Attribute("c", .double(.nan)),
      Attribute("d", .bool(true)), Attribute("e", .array([.int(1), .int(2)])),
      Attribute("f", .map([Attribute("g", .empty)])), Attribute("h", .bytes([0, 255])),
    ]
    var event = SpanEvent()
    event.name = "exception"
    event.time = span.start
    event.attributes = [Attribute("a", .double(1.5))]
    span.events = [event, SpanEvent()]
    span.links = [SpanLink(), SpanLink()]
    return span
  }
  var group = ScopeSpans()
  group.scope.name = "scope"
  group.spans = [
    span(1, parent: 0, .server), span(2, parent: 1, .client), span(3, parent: 1, .internal),
    span(4, parent: 3, .server), span(5, parent: 9, .consumer),
  ]
  var batch = ResourceSpans()
  batch.resource = resource
  batch.scopes = [group]
  return TraceView([batch])
}()

/// Runs a query over the sample trace.
private func run(_ query: TraceQuery) {
  guard let fields = try? FieldEvaluator(query) else { return }
  switch query.body {
  case .spansets(let pipeline):
    let sets = (try? SpansetEvaluator(fields: fields).run(pipeline, sampleTrace)) ?? []
    for set in sets { precondition(!set.spans.isEmpty, "an empty spanset is left") }
  case .metrics: break
  }
  // What an expression is printed as says the same.
  for expression in query.expressions {
    let text = expression.text
    guard var lexer = try? TraceQLLexer(text), let tokens = try? lexer.tokens() else {
      preconditionFailure("an expression is printed as no text of the grammar")
    }
    var parser = TraceQLParser(tokens: tokens)
    guard let again = try? parser.fieldExpression(0), parser.current == .end else {
      preconditionFailure("an expression is printed as no expression")
    }
    precondition(again.text == text, "an expression changes in printing")
  }
}

/// Queries, and what they find in a small trace.
func fuzzTraceQL(_ input: UnsafeRawBufferPointer) {
  if let query = try? TraceQuery(String(decoding: input, as: UTF8.self)) { run(query) }
}

/// The query string of Jaeger's search, `filter` among its parameters, and of API v3.
func fuzzJaegerSearch(_ input: UnsafeRawBufferPointer) {
  guard let items = try? FormItems.parse(input) else { return }
  let now = Timestamp(nanoseconds: 1_795_170_000_000_000_000)
  guard let parameters = try? JaegerSearchParameters(items, now: now) else { return }
  if let filter = parameters.search.filter { run(filter) }
}
