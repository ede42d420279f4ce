import CRE2

/// Why a pattern was refused.
package struct RegexError: Error, Hashable {
  /// In the words of Go's regexp package: ``error parsing regexp: missing closing ): `(``.
  package let message: String

  package init(message: String) { self.message = message }
}

/// A compiled expression of RE2's syntax (Go's dialect), matched in linear time.
///
/// Immutable and safe to use from several threads. Not valid UTF-8 in a text matches `.` as one
/// byte at a time does in Go's `regexp` over bytes.
package final class Regex: Sendable {
  package let pattern: String
  /// One for each capturing group, in order; nil for groups without a name.
  package let groupNames: [String?]
  /// The C object; RE2 may match with one from several threads.
  private nonisolated(unsafe) let compiled: OpaquePointer

  deinit { cre2_free(compiled) }

  /// Compiles `pattern`; throws ``RegexError`` with Go's words. Programs above 8 MiB are refused.
  package init(_ pattern: String, ignoringCase: Bool = false) throws(RegexError) {
    var reason = [CChar](repeating: 0, count: 512)
    var copy = pattern
    let made = copy.withUTF8 { text in
      text.withMemoryRebound(to: CChar.self) { bytes in
        reason.withUnsafeMutableBufferPointer { out in
          cre2_compile(
            bytes.baseAddress, bytes.count, 8 << 20, false, ignoringCase, out.baseAddress,
            out.count)
        }
      }
    }
    guard let made = made else {
      let text = String(
        decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw RegexError(message: Regex.goMessage(re2: text, pattern: pattern))
    }
    compiled = made
    self.pattern = pattern
    groupNames = (0..<Int(cre2_group_count(made))).map { index in
      var name = [CChar](repeating: 0, count: 256)
      let count = cre2_group_name(made, Int32(index + 1), &name, name.count)
      guard count > 0 else { return nil }
      return String(decoding: name.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  package enum Extent {
    /// Anywhere in the text.
    case anywhere
    /// The whole text, as label matchers do.
    case whole
  }

  /// Whether `text` has a match.
  package func matches(_ text: UnsafeRawBufferPointer, _ extent: Extent = .anywhere) -> Bool {
    cre2_match(
      compiled, Regex.start(text), text.count, 0, extent == .whole, nil, 0)
  }

  package func matches(_ text: [UInt8], _ extent: Extent = .anywhere) -> Bool {
    text.withUnsafeBytes { matches($0, extent) }
  }

  package func matches(_ text: String, _ extent: Extent = .anywhere) -> Bool {
    var copy = text
    return copy.withUTF8 { matches(UnsafeRawBufferPointer($0), extent) }
  }

  /// The first match at or after byte `from`: the ranges of the whole match and of each group
  /// (nil where a group took no part), as byte offsets in `text`; nil when there is none.
  /// At most 63 groups are reported.
  package func firstMatch(
    _ text: UnsafeRawBufferPointer, from: Int = 0, _ extent: Extent = .anywhere
  ) -> [Range<Int>?]? {
    let wanted = min(64, groupNames.count + 1)
    let start = Regex.start(text)
    return withUnsafeTemporaryAllocation(of: cre2_group.self, capacity: wanted) { groups in
      guard
        cre2_match(
          compiled, start, text.count, from, extent == .whole, groups.baseAddress,
          Int32(wanted))
      else { return nil }
      return groups.map { group in
        guard let at = group.start else { return nil }
        let low = at - start
        return low..<(low + Int(group.count))
      }
    }
  }

  package func firstMatch(_ text: [UInt8], from: Int = 0, _ extent: Extent = .anywhere)
    -> [Range<Int>?]?
  {
    text.withUnsafeBytes { firstMatch($0, from: from, extent) }
  }

  /// An address even for no bytes, so that offsets can be taken from it.
  private static func start(_ text: UnsafeRawBufferPointer) -> UnsafePointer<CChar> {
    guard let base = text.baseAddress else { return emptyText }
    return base.assumingMemoryBound(to: CChar.self)
  }

  private nonisolated(unsafe) static let emptyText = UnsafePointer(
    UnsafeMutablePointer<CChar>.allocate(capacity: 1))

  /// A whole text, line feeds as other characters: `^(?s:pattern)$`. Throws ``RegexError`` also for
  /// a pattern that is none without the brackets around it, such as `a)|(b`.
  package convenience init(whole pattern: String) throws(RegexError) {
    _ = try Regex(pattern)
    try self.init("^(?s:\(pattern))$")
  }

  /// RE2's and Go's wordings differ in a few prefixes only.
  private static func goMessage(re2: String, pattern: String) -> String {
    let known = [
      "missing )": "missing closing )",
      "missing closing )": "missing closing )",
      "unexpected )": "unexpected )",
      "missing ]": "missing closing ]",
      "missing closing ]": "missing closing ]",
      "missing terminating ]": "missing closing ]",
      "no argument for repetition operator": "missing argument to repetition operator",
      "invalid repetition size": "invalid repeat count",
      "bad repetition operator": "invalid nested repetition operator",
      "invalid perl operator": "invalid or unsupported Perl syntax",
      "invalid escape sequence": "invalid escape sequence",
      "invalid character class range": "invalid character class range",
      "invalid UTF-8": "invalid UTF-8",
      "trailing \\": "trailing backslash at end of expression",
      "invalid named capture group": "invalid named capture",
    ]
    for (theirs, go) in known where re2.hasPrefix(theirs) {
      let shown = re2.dropFirst(theirs.count)
      let rest = shown.hasPrefix(": ") ? String(shown.dropFirst(2)) : ""
      let argument = go == "missing closing )" || go == "unexpected )" ? pattern : rest
      let isShown = !argument.isEmpty || theirs == "trailing \\"
      return "error parsing regexp: \(go)" + (isShown ? ": `\(argument)`" : "")
    }
    return "error parsing regexp: \(re2)"
  }
}
