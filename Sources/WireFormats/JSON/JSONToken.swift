/// A string of a JSON text as it stands there, between its quotes.
package struct JSONText: Hashable, Sendable {
  /// The bytes between the quotes, as indices of the scanned text.
  package let range: Range<Int>
  /// Whether it holds a backslash, so that ``JSONScanner/unescape(_:into:)`` is needed.
  package let hasEscapes: Bool
}

/// What ``JSONScanner/next()`` found.
package enum JSONToken: Hashable, Sendable {
  case beginObject
  case endObject
  case beginArray
  case endArray
  /// A member's name; its colon is read too.
  case key(JSONText)
  case string(JSONText)
  /// The number as written, as indices of the text.
  case number(Range<Int>)
  case bool(Bool)
  case null
  /// The top-level value is complete and nothing but white space follows.
  case end
}
