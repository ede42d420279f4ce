package import TelemetryModel

/// A value of a template: what Go's `text/template` would hold in an interface.
package indirect enum TemplateValue: Sendable {
  /// No value at all, and Go's nil.
  case null
  case bool(Bool)
  /// Go's `int`.
  case int(Int)
  /// Go's `int64`, which functions for `int` refuse.
  case int64(Int)
  /// Go's `float64`.
  case float(Double)
  case string(String)
  /// Go's `[]interface {}`.
  case list([TemplateValue])
  case map(TemplateMap)
  case time(ZonedTime)

  /// As Go's `%T` names it.
  package var typeName: String {
    switch self {
    case .null: "<nil>"
    case .bool: "bool"
    case .int: "int"
    case .int64: "int64"
    case .float: "float64"
    case .string: "string"
    case .list: "[]interface {}"
    case .map(let map): map.hasTextOnly ? "map[string]string" : "map[string]interface {}"
    case .time: "time.Time"
    }
  }

  /// What `if` makes of it: zero, empty and null are false.
  package var isTrue: Bool {
    switch self {
    case .null: false
    case .bool(let value): value
    case .int(let value), .int64(let value): value != 0
    case .float(let value): value != 0
    case .string(let text): !text.isEmpty
    case .list(let values): !values.isEmpty
    case .map(let map): !map.entries.isEmpty
    case .time: true
    }
  }
}

/// Keys with their values, sorted by key as Go prints and walks them.
package struct TemplateMap: Sendable {
  package private(set) var entries: [(key: String, value: TemplateValue)]
  /// Whether Go would have it as `map[string]string`: what is missing is then an empty text.
  package let hasTextOnly: Bool

  /// Of one key the last value stays.
  package init(_ entries: [(key: String, value: TemplateValue)], hasTextOnly: Bool = false) {
    self.hasTextOnly = hasTextOnly
    let sorted = entries.enumerated().sorted {
      $0.element.key == $1.element.key
        ? $0.offset < $1.offset : isOrdered($0.element.key, $1.element.key)
    }
    self.entries = []
    self.entries.reserveCapacity(sorted.count)
    for (_, entry) in sorted {
      if let last = self.entries.indices.last, self.entries[last].key == entry.key {
        self.entries[last] = entry
      } else {
        self.entries.append(entry)
      }
    }
  }

  /// A map of texts, as LogQL's templates see a row's labels.
  package init(texts: [(key: String, value: String)]) {
    self.init(texts.map { ($0.key, .string($0.value)) }, hasTextOnly: true)
  }

  package subscript(_ key: String) -> TemplateValue? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if isOrdered(entries[middle].key, key) { low = middle + 1 } else { high = middle }
    }
    return low < entries.count && entries[low].key == key ? entries[low].value : nil
  }
}

/// Whether `a` sorts before `b`, byte by byte.
func isOrdered(_ a: String, _ b: String) -> Bool {
  a.utf8.lexicographicallyPrecedes(b.utf8)
}
