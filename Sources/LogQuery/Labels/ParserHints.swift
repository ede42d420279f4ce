import Bytes

/// What parsers may leave out, since no later stage and no aggregation looks at it.
///
/// As Loki's parser hints, with the same effects on the answer: a parser that has made every
/// wanted label reads no further, so that what is wrong behind them is not an error.
struct ParserHints {
  /// A filter on one label: a parser that makes the label asks it at once.
  struct EarlyFilter {
    var id: LabelNames.ID
    var filter: CompiledLabelFilter
  }

  /// No label at all is wanted.
  var wantsNoLabels = false
  /// These labels alone are wanted; empty for every label.
  var required: [LabelNames.ID] = []
  var filters: [EarlyFilter] = []

  /// Whether a wanted name starts with `prefix`.
  func mayHavePrefix(_ prefix: UnsafeRawBufferPointer, _ names: LabelNames) -> Bool {
    guard !required.isEmpty else { return true }
    for id in required {
      let name = names.bytes(id)
      guard name.count >= prefix.count else { continue }
      if UnsafeRawBufferPointer(rebasing: name.prefix(prefix.count)).equals(prefix) {
        return true
      }
    }
    return false
  }
}
