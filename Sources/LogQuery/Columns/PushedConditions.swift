import LogQL
import LogStore
import TelemetryModel

/// Label filters right behind a parser that a store may decide on its columns.
///
/// Only what must hold for every row that passes: conditions joined by `and`. A comparison of
/// numbers sets an error where there is no number, and rows with errors pass later ones: only the
/// first may be decided early.
struct PushedConditions {
  struct Condition {
    let request: FieldRequest
    /// The label's name: a stream's or metadata's label of that name would be looked at instead.
    let label: String
    let test: FieldCondition.Test
  }

  private(set) var conditions: [Condition] = []
  private var parser: ParserStage?
  private var hasComparedNumbers = false

  /// Of stages in the order in which they run.
  init(_ stages: [Stage]) {
    for stage in stages {
      switch stage {
      case .lineFilter: continue
      case .parser(let parser) where self.parser == nil: self.parser = parser
      case .labelFilter(let filter): add(filter)
      default: return
      }
    }
  }

  private mutating func add(_ filter: LabelFilter) {
    switch filter {
    case .and(let left, let right):
      add(left)
      add(right)
    case .string(let matcher):
      guard let request = request(matcher.name), let test = test(matcher) else { return }
      conditions.append(Condition(request: request, label: matcher.name, test: test))
    case .number(let label, let comparison, let number):
      defer { hasComparedNumbers = true }
      guard !hasComparedNumbers, let request = request(label) else { return }
      // A field asked for by its path is there but empty where the line lacks it: an error.
      if case .json = request { return }
      conditions.append(
        Condition(request: request, label: label, test: .number(comparison.pushed, number)))
    case .duration, .bytes, .address, .or: hasComparedNumbers = true
    }
  }

  private func request(_ label: String) -> FieldRequest? {
    guard !label.hasPrefix("__error"), !label.hasSuffix(LabelNames.duplicateSuffix) else {
      return nil
    }
    switch parser {
    case .json(let fields) where fields.isEmpty: return .jsonLabel(label)
    case .json(let fields):
      let named = fields.filter { $0.name == label }
      guard named.count == 1, let path = (try? JSONPath(named[0].expression))?.keys else {
        return nil
      }
      return .json(path: path)
    case .logfmt(isStrict: false, keepsEmpty: false, let fields) where fields.isEmpty:
      return .logfmt(key: label)
    default: return nil
    }
  }

  private func test(_ matcher: LabelMatcher) -> FieldCondition.Test? {
    let value = Array(matcher.value.utf8)
    switch matcher.operation {
    case .equal: return .equals(value)
    case .notEqual: return .differs(value)
    case .regex: return (try? LabelRegex(matcher.value))?.condition(isNegative: false)
    case .notRegex: return (try? LabelRegex(matcher.value))?.condition(isNegative: true)
    }
  }
}

extension NumericComparison {
  fileprivate var pushed: FieldCondition.Comparison {
    switch self {
    case .equal: .equal
    case .notEqual: .notEqual
    case .greater: .greater
    case .greaterOrEqual: .greaterOrEqual
    case .less: .less
    case .lessOrEqual: .lessOrEqual
    }
  }
}

extension LogScan {
  /// Gives the scan what `stages`, in the order in which they run, ask of lines and fields.
  mutating func ask(_ pipeline: LogPipeline, _ stages: [Stage]) {
    conditions = pipeline.lineConditions
    fields = pipeline.fieldPlan?.requests ?? []
    for condition in PushedConditions(stages).conditions {
      let place = fields.firstIndex(of: condition.request) ?? fields.count
      if place == fields.count { fields.append(condition.request) }
      fieldConditions.append(
        FieldCondition(field: place, label: condition.label, condition.test))
    }
  }
}
