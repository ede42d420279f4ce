package import Bytes

/// One name and value: an index label of a stream or a row's structured metadata.
///
/// Labels are the same when their bytes are, as everywhere in what speaks Loki's protocols, and
/// are ordered by bytes: see ``ByteText``.
package struct Label: Hashable, Comparable, Sendable {
  package var name: String
  package var value: String

  @inlinable package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  package static func < (a: Label, b: Label) -> Bool {
    a.name.hasSameBytes(as: b.name)
      ? a.value.precedesByBytes(b.value) : a.name.precedesByBytes(b.name)
  }

  @inlinable package static func == (a: Label, b: Label) -> Bool {
    a.name.hasSameBytes(as: b.name) && a.value.hasSameBytes(as: b.value)
  }

  @inlinable package func hash(into hasher: inout Hasher) {
    name.hashBytes(into: &hasher)
    value.hashBytes(into: &hasher)
  }
}

/// A label set: sorted by name, names unique. The identity of a stream within its tenant.
package struct Labels: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  /// Sorted by name.
  package let sorted: [Label]

  package static let none = Labels([Label]())

  /// Of labels in any order; of one name the last value stays, empty values stay too.
  package init(_ labels: [Label]) {
    var isStrictlySorted = true
    for index in labels.indices.dropFirst()
    where !labels[index - 1].name.precedesByBytes(labels[index].name) {
      isStrictlySorted = false
      break
    }
    guard !isStrictlySorted else {
      sorted = labels
      return
    }
    var unique: [ByteText: String] = [:]
    for label in labels { unique[label.name] = label.value }
    sorted = unique.map { Label($0.key.text, $0.value) }.sorted()
  }

  package init(dictionaryLiteral elements: (String, String)...) {
    self.init(elements.map { Label($0.0, $0.1) })
  }

  package var isEmpty: Bool { sorted.isEmpty }
  package var count: Int { sorted.count }

  /// The value of `name`, or nil.
  package subscript(_ name: String) -> String? {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle].name.precedesByBytes(name) { low = middle + 1 } else { high = middle }
    }
    guard low < sorted.count, sorted[low].name.hasSameBytes(as: name) else { return nil }
    return sorted[low].value
  }

  /// Prometheus's text form: `{app="api", env="prod"}`, values quoted as Go's `%q` does for
  /// printable text.
  package var description: String {
    "{" + sorted.map { "\($0.name)=\(quoted($0.value))" }.joined(separator: ", ") + "}"
  }
}

/// `text` in double quotes, with backslash, quote and control characters escaped as Go does.
package func quoted(_ text: String) -> String {
  var out = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": out += "\\\""
    case "\\": out += "\\\\"
    case "\n": out += "\\n"
    case "\r": out += "\\r"
    case "\t": out += "\\t"
    case "\u{7}": out += "\\a"
    case "\u{8}": out += "\\b"
    case "\u{c}": out += "\\f"
    case "\u{b}": out += "\\v"
    default:
      if scalar.value < 0x20 || scalar.value == 0x7f {
        out += "\\x" + Hex.encode([UInt8(scalar.value)])
      } else {
        out.unicodeScalars.append(scalar)
      }
    }
  }
  return out + "\""
}

/// How a label's value is compared with a matcher's.
package enum MatchOperation: String, Hashable, Sendable {
  case equal = "="
  case notEqual = "!="
  case regex = "=~"
  case notRegex = "!~"
}

/// One condition of a stream selector: `name op "value"`; regexes match the whole value.
package struct LabelMatcher: Hashable, Sendable {
  @ByteText package var name: String
  package var operation: MatchOperation
  @ByteText package var value: String

  package init(_ name: String, _ operation: MatchOperation, _ value: String) {
    self.name = name
    self.operation = operation
    self.value = value
  }
}

/// Who owns the data: `X-Scope-OrgID`. Letters, digits and `!-_.*'():`, 150 bytes at most.
package struct TenantID: Hashable, Comparable, Sendable {
  package let name: String

  /// The tenant of a server without `auth_enabled`.
  package static let single = TenantID(unchecked: "fake")

  private init(unchecked name: String) { self.name = name }

  /// nil for what Loki refuses: empty, too long, `.`, `..`, or another character.
  package init?(_ name: String) {
    guard !name.isEmpty, name.utf8.count <= 150, name != ".", name != ".." else { return nil }
    let extra = Set("!-_.*'():".utf8)
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        continue
      default:
        guard extra.contains(byte) else { return nil }
      }
    }
    self.name = name
  }

  package static func < (a: TenantID, b: TenantID) -> Bool { a.name < b.name }
}
