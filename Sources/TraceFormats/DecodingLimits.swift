/// What one body may hold, so that a small body cannot make large memory.
///
/// A body's bytes are bounded by whoever received it; these bound what they decode to, since an
/// empty span takes two bytes on the wire and about 200 in memory.
package struct TraceDecodingLimits: Sendable {
  package var spansMax = 500_000
  /// Attributes, events, links, array items, resources and scopes, all together.
  package var valuesMax = 4_000_000
  /// How deep arrays and maps may nest in an attribute's value.
  package var depthMax = 32

  package init() {}

  /// For what was taken before: counts are not bounded again.
  package static var none: TraceDecodingLimits {
    var limits = TraceDecodingLimits()
    limits.spansMax = .max
    limits.valuesMax = .max
    return limits
  }

  package var tooManySpans: TraceFormatError {
    TraceFormatError(.overLimit, "more than \(spansMax) spans in one body; send smaller batches")
  }

  package var tooManyValues: TraceFormatError {
    TraceFormatError(
      .overLimit,
      "more than \(valuesMax) attributes, events and links in one body; send smaller batches")
  }

  package var tooDeep: TraceFormatError {
    TraceFormatError(.overLimit, "an attribute's value is nested deeper than \(depthMax)")
  }
}

/// What is left of ``TraceDecodingLimits`` while a body is decoded.
struct DecodingBudget {
  private let limits: TraceDecodingLimits
  private var spans = 0
  private var values = 0

  init(_ limits: TraceDecodingLimits) { self.limits = limits }

  mutating func countSpan() throws(TraceFormatError) {
    spans += 1
    guard spans <= limits.spansMax else { throw limits.tooManySpans }
  }

  mutating func countValue() throws(TraceFormatError) {
    values += 1
    guard values <= limits.valuesMax else { throw limits.tooManyValues }
  }

  func checkDepth(_ depth: Int) throws(TraceFormatError) {
    guard depth <= limits.depthMax else { throw limits.tooDeep }
  }
}
