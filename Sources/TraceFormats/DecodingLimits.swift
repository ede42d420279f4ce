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
package struct DecodingBudget {
  private let limits: TraceDecodingLimits
  // Beside the limits, so that counting is inlined into the loops of other modules.
  @usableFromInline package var spansLeft: Int
  @usableFromInline package var valuesLeft: Int

  package init(_ limits: TraceDecodingLimits) {
    self.limits = limits
    spansLeft = limits.spansMax
    valuesLeft = limits.valuesMax
  }

  @inlinable package mutating func countSpan() throws(TraceFormatError) {
    spansLeft -= 1
    guard spansLeft >= 0 else { throw tooManySpans }
  }

  @inlinable package mutating func countValue() throws(TraceFormatError) {
    valuesLeft -= 1
    guard valuesLeft >= 0 else { throw tooManyValues }
  }

  package func checkDepth(_ depth: Int) throws(TraceFormatError) {
    guard depth <= limits.depthMax else { throw limits.tooDeep }
  }

  @usableFromInline package var tooManySpans: TraceFormatError { limits.tooManySpans }
  @usableFromInline package var tooManyValues: TraceFormatError { limits.tooManyValues }
}
