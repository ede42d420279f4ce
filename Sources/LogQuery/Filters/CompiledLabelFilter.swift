import Bytes
import LogQL
import LogStore
import Regex
import TelemetryModel

/// A label filter made ready for many rows.
indirect enum CompiledLabelFilter {
  case equals(LabelNames.ID, [UInt8], isNegative: Bool)
  case matches(LabelNames.ID, LabelRegex, isNegative: Bool)
  case number(LabelNames.ID, NumericComparison, Double)
  case duration(LabelNames.ID, NumericComparison, TimeSpan)
  case bytes(LabelNames.ID, NumericComparison, UInt64)
  case address(LabelNames.ID, isNegative: Bool, AddressFilter)
  case both(CompiledLabelFilter, CompiledLabelFilter)
  case either(CompiledLabelFilter, CompiledLabelFilter)
  case always

  init(_ filter: LabelFilter, _ names: LabelNames) throws(LogQLError) {
    switch filter {
    case .string(let matcher): self = try .init(matcher, names)
    case .number(let label, let comparison, let value):
      self = .number(names.id(of: label), comparison, value)
    case .duration(let label, let comparison, let value):
      self = .duration(names.id(of: label), comparison, value)
    case .bytes(let label, let comparison, let value):
      self = .bytes(names.id(of: label), comparison, value)
    case .address(let label, let isEqual, let pattern):
      do {
        let filter = try AddressFilter(pattern)
        self = .address(names.id(of: label), isNegative: !isEqual, filter)
      } catch {
        let text = "\(label)\(isEqual ? "=" : "!=")ip(\(quotedGo(pattern)))"
        throw LogQLError("stage '| \(text)' : \(error.reason)")
      }
    case .and(let left, let right): self = .both(try .init(left, names), try .init(right, names))
    case .or(let left, let right): self = .either(try .init(left, names), try .init(right, names))
    }
  }

  init(_ matcher: LabelMatcher, _ names: LabelNames) throws(LogQLError) {
    let id = names.id(of: matcher.name)
    let isNegative = matcher.operation == .notEqual || matcher.operation == .notRegex
    switch matcher.operation {
    case .equal, .notEqual:
      self = .equals(id, Array(matcher.value.utf8), isNegative: isNegative)
    case .regex, .notRegex:
      let regex = try LabelRegex(matcher.value)
      self = regex.isAlways && !isNegative ? .always : .matches(id, regex, isNegative: isNegative)
    }
  }

  /// For `drop` and `keep`, where regular expressions have no short forms.
  init(whole matcher: LabelMatcher, _ names: LabelNames) throws(LogQLError) {
    let id = names.id(of: matcher.name)
    switch matcher.operation {
    case .equal: self = .equals(id, Array(matcher.value.utf8), isNegative: false)
    case .notEqual: self = .equals(id, Array(matcher.value.utf8), isNegative: true)
    case .regex: self = .matches(id, try LabelRegex(whole: matcher.value), isNegative: false)
    case .notRegex: self = .matches(id, try LabelRegex(whole: matcher.value), isNegative: true)
    }
  }

  /// Whether a string condition holds for a value.
  func holds(_ value: UnsafeRawBufferPointer) -> Bool {
    switch self {
    case .equals(_, let text, let isNegative):
      text.withUnsafeBytes { value.equals($0) } != isNegative
    case .matches(_, let regex, let isNegative): regex.matches(value) != isNegative
    default: true
    }
  }

  /// The labels that it looks at.
  var labels: [LabelNames.ID] {
    switch self {
    case .equals(let id, _, _), .matches(let id, _, _), .number(let id, _, _),
      .duration(let id, _, _), .bytes(let id, _, _), .address(let id, _, _):
      [id]
    case .both(let left, let right), .either(let left, let right): left.labels + right.labels
    case .always: []
    }
  }

  /// Whether it is made of two.
  var isCompound: Bool {
    switch self {
    case .both, .either: true
    default: false
    }
  }

  /// Whether the row passes. A value that is no number sets the row's error and passes.
  func passes(_ row: RowBuilder) -> Bool {
    switch self {
    case .equals(let id, let text, let isNegative):
      return text.withUnsafeBytes { row.filterValue(id).equals($0) } != isNegative
    case .matches(let id, let regex, let isNegative):
      return regex.matches(row.filterValue(id)) != isNegative
    case .number(let id, let comparison, let wanted):
      return compare(row, id, comparison, wanted, NumberText.float)
    case .duration(let id, let comparison, let wanted):
      return compare(row, id, comparison, wanted, NumberText.duration)
    case .bytes(let id, let comparison, let wanted):
      return compare(row, id, comparison, wanted, NumberText.byteSize)
    case .address(let id, let isNegative, let filter):
      if row.hasError { return true }
      guard let value = row.value(id) else { return false }
      return filter.holdsSomewhere(in: value) != isNegative
    case .both(let left, let right):
      let passesLeft = left.passes(row)
      return right.passes(row) && passesLeft
    case .either(let left, let right): return left.passes(row) || right.passes(row)
    case .always: return true
    }
  }

  private func compare<Value: Comparable>(
    _ row: RowBuilder, _ id: LabelNames.ID, _ comparison: NumericComparison, _ wanted: Value,
    _ read: (UnsafeRawBufferPointer) throws(NumberText.Failure) -> Value
  ) -> Bool {
    guard let text = row.value(id) else { return false }
    do {
      return comparison.holds(try read(text), wanted)
    } catch {
      if !row.hasError { row.setError(.labelFilter, details: error.message) }
      return true
    }
  }
}

extension NumericComparison {
  fileprivate func holds<Value: Comparable>(_ a: Value, _ b: Value) -> Bool {
    switch self {
    case .equal: a == b
    case .notEqual: a != b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    case .less: a < b
    case .lessOrEqual: a <= b
    }
  }
}

/// The regular expression of a label filter.
///
/// Matches the whole value, except in the forms that Loki takes for literals: `.*` matches
/// everything, `.+` what is not empty, and `foo.*`, `.*foo` and `.*foo.*` whatever has the literal
/// anywhere.
struct LabelRegex {
  private enum Test {
    case always
    case notEmpty
    case contains([UInt8])
    case equals([UInt8])
    case regex(Regex)
  }

  private let test: Test

  init(_ pattern: String) throws(LogQLError) {
    let text = Array(pattern.utf8)
    let any = Array(".*".utf8)
    if text.isEmpty || text == any {
      test = .always
    } else if text == Array(".+".utf8) {
      test = .notEmpty
    } else if text.allSatisfy(\.isPlainInRegex) {
      test = .equals(text)
    } else {
      var middle = text[...]
      if middle.starts(with: any) { middle = middle.dropFirst(2) }
      if middle.count >= 2, middle.suffix(2).elementsEqual(any) { middle = middle.dropLast(2) }
      if !middle.isEmpty, middle.count < text.count, middle.allSatisfy(\.isPlainInRegex) {
        test = .contains(Array(middle))
      } else {
        do {
          test = .regex(try Regex(pattern))
        } catch {
          throw LogQLError(error.message)
        }
      }
    }
  }

  /// Without the short forms.
  init(whole pattern: String) throws(LogQLError) {
    do {
      test = .regex(try Regex(pattern))
    } catch {
      throw LogQLError(error.message)
    }
  }

  /// The same for a store to decide; nil where it has no such form.
  func condition(isNegative: Bool) -> FieldCondition.Test? {
    switch test {
    case .always, .contains: nil
    case .notEmpty: isNegative ? .equals([]) : .differs([])
    case .equals(let text): isNegative ? .differs(text) : .equals(text)
    case .regex(let regex): isNegative ? .matchesNot(regex) : .matches(regex)
    }
  }

  var isAlways: Bool { if case .always = test { true } else { false } }

  func matches(_ value: UnsafeRawBufferPointer) -> Bool {
    switch test {
    case .always: true
    case .notEmpty: !value.isEmpty
    case .contains(let text): ByteSearch.firstIndex(of: text, in: value) != nil
    case .equals(let text): text.withUnsafeBytes { value.equals($0) }
    case .regex(let regex): regex.matches(value, .whole)
    }
  }
}
