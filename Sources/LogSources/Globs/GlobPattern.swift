/// A path pattern in doublestar's dialect, as `__path__` and `__path_exclude__` have it.
///
/// `*` and `?` stay within a name, `**` alone between slashes spans any number of folders, `[a-z]`
/// and `[^a-z]` are classes, `{a,b}` are alternatives (nested ones too), a backslash takes the next
/// character as it is. Names that begin with a dot match like others.
package struct GlobPattern: Hashable, Sendable {
  /// Alternatives that braces may multiply to, at most.
  package static let alternativesMax = 1024

  /// As it was written.
  package let text: String
  let alternatives: [GlobAlternative]

  /// Throws ``LogSourcesError/malformedGlob(pattern:reason:)``.
  package init(_ text: String) throws(LogSourcesError) {
    self.text = text
    guard !text.isEmpty else { throw .malformedGlob(pattern: text, reason: "it is empty") }
    var alternatives: [GlobAlternative] = []
    for plain in try Self.expandBraces(Array(text.unicodeScalars), pattern: text) {
      alternatives.append(try GlobAlternative(plain, pattern: text))
    }
    self.alternatives = alternatives
  }

  /// Whether the whole path matches.
  package func matches(_ path: String) -> Bool {
    let isAbsolute = path.unicodeScalars.first == "/"
    let names = path.unicodeScalars.split(separator: "/").map { String($0) }
    return alternatives.contains { $0.isAbsolute == isAbsolute && $0.matches(names) }
  }

  /// The same with every brace group replaced by each of its alternatives.
  private static func expandBraces(
    _ text: [Unicode.Scalar], pattern: String
  ) throws(LogSourcesError) -> [[Unicode.Scalar]] {
    guard let group = try firstGroup(text, pattern: pattern) else { return [text] }
    var expanded: [[Unicode.Scalar]] = []
    for part in group.parts {
      let joined = text[..<group.range.lowerBound] + part + text[group.range.upperBound...]
      expanded += try expandBraces(Array(joined), pattern: pattern)
      guard expanded.count <= alternativesMax else {
        throw .malformedGlob(
          pattern: pattern, reason: "its braces give more than \(alternativesMax) alternatives")
      }
    }
    return expanded
  }

  private struct BraceGroup {
    var range: Range<Int>
    var parts: [ArraySlice<Unicode.Scalar>]
  }

  private static func firstGroup(
    _ text: [Unicode.Scalar], pattern: String
  ) throws(LogSourcesError) -> BraceGroup? {
    var depth = 0
    var start = 0
    var partStart = 0
    var parts: [ArraySlice<Unicode.Scalar>] = []
    var isInClass = false
    var at = 0
    while at < text.count {
      switch text[at] {
      case "\\": at += 1
      case "[": isInClass = true
      case "]": isInClass = false
      case "{" where !isInClass:
        if depth == 0 {
          start = at
          partStart = at + 1
        }
        depth += 1
      case "," where depth == 1 && !isInClass:
        parts.append(text[partStart..<at])
        partStart = at + 1
      case "}" where depth > 0 && !isInClass:
        depth -= 1
        guard depth == 0 else { break }
        parts.append(text[partStart..<at])
        return BraceGroup(range: start..<at + 1, parts: parts)
      default: break
      }
      at += 1
    }
    guard depth == 0 else {
      throw .malformedGlob(pattern: pattern, reason: "a '{' has no closing '}'")
    }
    return nil
  }
}

/// One brace-free form of a pattern.
struct GlobAlternative: Hashable, Sendable {
  let isAbsolute: Bool
  let components: [GlobComponent]

  init(_ text: [Unicode.Scalar], pattern: String) throws(LogSourcesError) {
    isAbsolute = text.first == "/"
    var components: [GlobComponent] = []
    for part in text.split(separator: "/") where Array(part) != ["."] {
      let component = try GlobComponent.parse(Array(part), pattern: pattern)
      if component == .anyDepth, components.last == .anyDepth { continue }
      components.append(component)
    }
    self.components = components
  }

  func matches(_ names: [String]) -> Bool {
    var component = 0
    var at = 0
    var retry: (component: Int, at: Int)?
    while at < names.count || component < components.count {
      if component < components.count {
        if components[component] == .anyDepth {
          retry = (component, at)
          component += 1
          continue
        }
        if at < names.count, components[component].matches(names[at]) {
          component += 1
          at += 1
          continue
        }
      }
      guard let last = retry, last.at < names.count else { return false }
      retry = (last.component, last.at + 1)
      component = last.component + 1
      at = last.at + 1
    }
    return true
  }
}
