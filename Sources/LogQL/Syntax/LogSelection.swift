package import TelemetryModel

/// A stream selector with the stages that each of its rows runs through.
package struct LogSelection: Sendable, Hashable {
  /// As written; a name may occur more than once.
  package var matchers: [LabelMatcher]
  package var stages: [Stage]

  package init(matchers: [LabelMatcher], stages: [Stage] = []) {
    self.matchers = matchers
    self.stages = stages
  }
}

/// What a range aggregation reads: rows of a window, as lines or as unwrapped numbers.
package struct LogRange: Sendable, Hashable {
  package var selection: LogSelection
  /// The label whose value is the sample, where there is one; its filters run after it.
  package var unwrap: Unwrap?
  /// The window's length; a window holds the rows in (t - span, t].
  package var span: TimeSpan
  /// How far back the window lies: positive is earlier.
  package var offset: TimeSpan

  package init(
    selection: LogSelection, unwrap: Unwrap? = nil, span: TimeSpan, offset: TimeSpan = .zero
  ) {
    self.selection = selection
    self.unwrap = unwrap
    self.span = span
    self.offset = offset
  }
}
