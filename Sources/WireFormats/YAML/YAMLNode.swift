import Bytes

/// A place in a text: line and column, both from 1; columns count characters.
package struct YAMLMark: Hashable, Sendable {
  package var line: Int
  package var column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

/// Why a text is not the YAML that was expected, and where.
package struct YAMLError: Error, Hashable {
  package let message: String
  package let mark: YAMLMark

  package init(_ message: String, at mark: YAMLMark) {
    self.message = message
    self.mark = mark
  }

  /// `line 3, column 7: did not find expected key`.
  package var description: String {
    "line \(mark.line), column \(mark.column): \(message)"
  }
}

/// One key and value of a mapping.
package struct YAMLMember: Hashable, Sendable {
  package let key: String
  package let keyMark: YAMLMark
  package var value: YAMLNode
}

/// A node of a YAML document, with where it stands.
///
/// Mappings keep their order; their keys are scalars and unique. Aliases and merge keys (`<<`)
/// are resolved. What a plain scalar means is decided by whoever reads it: see ``YAMLScalar``.
package indirect enum YAMLNode: Hashable, Sendable {
  case scalar(YAMLScalar)
  case sequence([YAMLNode], YAMLMark)
  case mapping([YAMLMember], YAMLMark)

  package var mark: YAMLMark {
    switch self {
    case .scalar(let scalar): scalar.mark
    case .sequence(_, let mark), .mapping(_, let mark): mark
    }
  }

  /// What kind of node this is, for messages: `a mapping`, `a list`, `null`, `a value`.
  package var kind: String {
    switch self {
    case .scalar(let scalar): scalar.isNull ? "null" : "a value"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }

  package var scalar: YAMLScalar? {
    if case .scalar(let scalar) = self { scalar } else { nil }
  }
  package var items: [YAMLNode]? {
    if case .sequence(let items, _) = self { items } else { nil }
  }
  package var members: [YAMLMember]? {
    if case .mapping(let members, _) = self { members } else { nil }
  }
  package var isNull: Bool { scalar?.isNull ?? false }

  /// The value of `key`, or nil when there is none or this is not a mapping.
  package subscript(_ key: String) -> YAMLNode? {
    members?.first { $0.key.hasSameBytes(as: key) }?.value
  }
}
