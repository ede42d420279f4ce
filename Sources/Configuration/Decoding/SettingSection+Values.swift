package import TelemetryModel
package import WireFormats

extension SettingSection {
  /// The scalar `key`, or nil when absent or null; throws for lists and mappings.
  package mutating func scalar(_ key: String) throws(ConfigurationError) -> YAMLScalar? {
    guard let node = node(key) else { return nil }
    guard let scalar = node.scalar else {
      throw error(key, "must be a single value, not \(node.kind)", at: node)
    }
    return scalar
  }

  package mutating func read(_ key: String, _ value: inout String) throws(ConfigurationError) {
    if let scalar = try scalar(key) { value = scalar.text }
  }

  package mutating func read(_ key: String, _ value: inout String?) throws(ConfigurationError) {
    if let scalar = try scalar(key) { value = scalar.text }
  }

  package mutating func read(_ key: String, _ value: inout Bool) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    guard let flag = scalar.boolValue else {
      throw error(key, "must be true or false, not `\(scalar.text)`", at: .scalar(scalar))
    }
    value = flag
  }

  /// A whole number of `range`.
  package mutating func read(
    _ key: String, _ value: inout Int, in range: ClosedRange<Int> = 0...Int.max
  ) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    guard let number = scalar.intValue else {
      throw error(key, "must be a whole number, not `\(scalar.text)`", at: .scalar(scalar))
    }
    guard range.contains(number) else {
      let most = range.upperBound == .max ? "" : " and \(range.upperBound) at most"
      throw error(
        key, "must be \(range.lowerBound) at least\(most), not \(number)", at: .scalar(scalar))
    }
    value = number
  }

  /// A number that is not negative.
  package mutating func read(_ key: String, _ value: inout Double) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    guard let number = scalar.doubleValue, number >= 0, number.isFinite else {
      throw error(
        key, "must be a number that is not negative, not `\(scalar.text)`", at: .scalar(scalar))
    }
    value = number
  }

  /// A length of time: `250ms`, `1h30m`, `7d`, `0s`.
  package mutating func read(_ key: String, _ value: inout TimeSpan) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    guard let span = TimeSpan(durationText: scalar.text), span >= .zero else {
      throw error(
        key, "must be a duration such as 250ms, 10s or 168h, not `\(scalar.text)`",
        at: .scalar(scalar))
    }
    value = span
  }

  /// A moment in RFC 3339: `2026-11-21T04:39:00Z`.
  package mutating func read(_ key: String, _ value: inout Timestamp?) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    guard let time = try? GoTimeLayout.rfc3339Nano.parse(scalar.text),
      let timestamp = time.timestamp
    else {
      throw error(
        key, "must be a time such as 2026-11-21T04:39:00Z, not `\(scalar.text)`",
        at: .scalar(scalar))
    }
    value = timestamp
  }

  /// A size in bytes: `1048576`, `256KB`, `4MB` (powers of 1024).
  package mutating func readBytes(_ key: String, _ value: inout Int) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    guard let size = ByteSizeText.parse(scalar.text) else {
      throw error(
        key, "must be a size such as 65536, 256KB or 4MB, not `\(scalar.text)`",
        at: .scalar(scalar))
    }
    value = size
  }

  /// One of an enumeration's names.
  package mutating func read<E: RawRepresentable & CaseIterable>(_ key: String, _ value: inout E)
    throws(ConfigurationError) where E.RawValue == String
  {
    guard let scalar = try scalar(key) else { return }
    guard let known = E(rawValue: scalar.text) else {
      let names = E.allCases.map(\.rawValue).joined(separator: ", ")
      throw error(key, "must be one of \(names), not `\(scalar.text)`", at: .scalar(scalar))
    }
    value = known
  }

  /// A list of texts.
  package mutating func read(_ key: String, _ value: inout [String]) throws(ConfigurationError) {
    guard let node = node(key) else { return }
    var texts: [String] = []
    for item in try list(key) {
      guard let scalar = item.scalar else {
        throw error(key, "must hold single values, not \(item.kind)", at: item)
      }
      texts.append(scalar.text)
    }
    _ = node
    value = texts
  }

  /// A list of texts, or one text; an empty text is none.
  package mutating func readOneOrMany(_ key: String, _ value: inout [String])
    throws(ConfigurationError)
  {
    if let scalar = node(key)?.scalar {
      value = scalar.text.isEmpty ? [] : [scalar.text]
    } else {
      try read(key, &value)
    }
  }

  /// A mapping of names to texts, sorted by name; null values are empty.
  package mutating func read(_ key: String, _ value: inout [Label]) throws(ConfigurationError) {
    guard let section = try section(key) else { return }
    value = try section.texts().map { Label($0.name, $0.value ?? "") }.sorted()
  }

  /// All members of this mapping as names and texts, in order; a null value is nil.
  package func texts() throws(ConfigurationError) -> [(name: String, value: String?)] {
    var texts: [(name: String, value: String?)] = []
    for member in allMembers {
      guard let scalar = member.value.scalar else {
        throw error(
          member.key, "must be a single value, not \(member.value.kind)", at: member.value)
      }
      texts.append((member.key, scalar.isNull ? nil : scalar.text))
    }
    return texts
  }
}
