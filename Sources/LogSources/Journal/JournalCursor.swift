/// A journal's cursor, taken apart as far as it helps to find one's place again.
///
/// libsystemd calls the text opaque; what is read here only refines what ``JournalReader`` does
/// with the text as a whole, and is nil where the text looks different.
struct JournalCursor: Hashable, Sendable {
  let text: String
  /// `s=`: which run of sequence numbers, and `i=`: the number in it.
  let sequenceSource: String?
  let sequence: UInt64?
  /// `t=`: microseconds since 1970.
  let realtimeMicroseconds: UInt64?

  init(_ text: String) {
    self.text = text
    var fields: [Substring: Substring] = [:]
    for part in text.split(separator: ";") {
      let pair = part.split(separator: "=", maxSplits: 1)
      if pair.count == 2 { fields[pair[0]] = pair[1] }
    }
    sequenceSource = fields["s"].map(String.init)
    sequence = fields["i"].flatMap { UInt64($0, radix: 16) }
    realtimeMicroseconds = fields["t"].flatMap { UInt64($0, radix: 16) }
  }

  /// Whether both are of one run of sequence numbers and this one is not later.
  func isAtOrBefore(_ other: JournalCursor) -> Bool {
    guard let source = sequenceSource, source == other.sequenceSource, let sequence,
      let otherSequence = other.sequence
    else { return text == other.text }
    return sequence <= otherSequence
  }
}
