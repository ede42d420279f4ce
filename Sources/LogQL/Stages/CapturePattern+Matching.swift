import Bytes

extension CapturePattern {
  /// What the named captures take of `text`, in order, as far as the literals are found; false
  /// when nothing matches at all.
  ///
  /// - Parameter capture: gets the number of the name in ``names`` and where its text lies.
  package func match(_ text: UnsafeRawBufferPointer, _ capture: (Int, Range<Int>) -> Void) -> Bool {
    guard !text.isEmpty else { return false }
    var at = 0
    var index = 0
    var number = 0
    if case .literal(let head) = parts.first {
      guard text.count >= head.count, text[..<head.count].elementsEqual(head) else { return false }
      at = head.count
      index = 1
    }
    while index < parts.count {
      var end = text.count
      var next = text.count
      if index + 1 < parts.count, case .literal(let literal) = parts[index + 1],
        let found = ByteSearch.firstIndex(
          of: literal, in: UnsafeRawBufferPointer(rebasing: text[at...]))
      {
        end = at + found
        next = end + literal.count
      } else if index + 1 < parts.count {
        // Without its literal a capture takes the rest, and is the last one.
        next = -1
      }
      if case .capture = parts[index] {
        capture(number, at..<end)
        number += 1
      }
      guard next >= 0 else { return true }
      at = next
      index += 2
    }
    return true
  }
}
