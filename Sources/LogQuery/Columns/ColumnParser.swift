import LogQL
import LogStore

/// A parser stage whose labels the store may have in columns.
struct ColumnParser {
  enum Kind {
    case jsonLabels
    /// Labels with the path of each.
    case jsonFields([(id: LabelNames.ID, path: [String])])
    case logfmtLabels
  }

  let kind: Kind
  /// Its place among the compiled stages.
  let index: Int

  /// nil for a parser that needs the line.
  init?(_ parser: ParserStage, at index: Int, _ names: LabelNames) {
    self.index = index
    switch parser {
    case .json(let fields) where fields.isEmpty: kind = .jsonLabels
    case .json(let fields):
      // What stages before it took away would count as missing.
      guard index == 0 else { return nil }
      var paths: [(id: LabelNames.ID, path: [String])] = []
      for field in fields {
        guard let path = try? JSONPath(field.expression).keys else { return nil }
        paths.append((names.id(of: field.name), path))
      }
      kind = .jsonFields(paths)
    case .logfmt(isStrict: false, keepsEmpty: false, let fields) where fields.isEmpty:
      kind = .logfmtLabels
    case .logfmt, .regexp, .pattern, .unpack: return nil
    }
  }

  /// Asked for where no field is: only rows that have columns are known to be without errors.
  var sentinel: FieldRequest? {
    switch kind {
    case .jsonLabels: .jsonLabel("_")
    case .jsonFields(let fields): fields.first.map { .json(path: $0.path) }
    case .logfmtLabels: nil
    }
  }

  /// What stands for the labels `ids` that the parser may make, in its order.
  func requests(_ ids: [LabelNames.ID], _ names: LabelNames)
    -> [(id: LabelNames.ID, request: FieldRequest)]
  {
    switch kind {
    case .jsonLabels: ids.map { ($0, .jsonLabel(names.texts[$0])) }
    case .logfmtLabels: ids.map { ($0, .logfmt(key: names.texts[$0])) }
    case .jsonFields(let fields):
      fields.filter { ids.contains($0.id) }.map { ($0.id, .json(path: $0.path)) }
    }
  }
}

extension JSONPath {
  /// The keys that it goes down; nil when it goes into an array.
  var keys: [String]? {
    var keys: [String] = []
    for step in steps {
      guard step.index == nil else { return nil }
      keys.append(String(decoding: step.text, as: UTF8.self))
    }
    return keys
  }
}
