import Bytes
package import Configuration
import Regex
package import TelemetryModel

/// Rules of `relabel_configs`, applied in order (Prometheus's `relabel.Process`).
package struct Relabeling: Sendable {
  private struct Rule: Sendable {
    let configuration: RelabelConfiguration
    let regex: Regex
    let replacement: RegexTemplate
    let target: RegexTemplate
  }
  private let rules: [Rule]

  /// Throws ``PipelineError`` for an expression that does not compile; configurations that were
  /// read from a file are checked already.
  package init(_ configurations: [RelabelConfiguration]) throws(PipelineError) {
    var rules: [Rule] = []
    for configuration in configurations {
      do {
        // Anchored by the match itself; `.` takes line feeds too.
        let regex = try Regex(whole: configuration.regex)
        rules.append(
          Rule(
            configuration: configuration, regex: regex,
            replacement: RegexTemplate(configuration.replacement, regex),
            target: RegexTemplate(configuration.targetLabel, regex)))
      } catch {
        throw PipelineError("regex `\(configuration.regex)` is malformed: \(error.message)")
      }
    }
    self.rules = rules
  }

  /// The labels that come out; nil when the rules drop the target.
  package func apply(to labels: Labels) -> Labels? {
    guard !rules.isEmpty else { return labels }
    var working = WorkingLabels(labels)
    for rule in rules {
      guard Relabeling.apply(rule, &working) else { return nil }
    }
    return working.labels
  }

  /// The labels whose values can matter; nil when it may be any (`labelmap` and the like).
  package var referencedLabels: Set<String>? {
    var names: Set<String> = []
    for rule in rules {
      switch rule.configuration.action {
      case .labelmap: return nil
      case .labeldrop, .labelkeep: continue
      case .keepequal, .dropequal:
        names.formUnion(rule.configuration.sourceLabels)
        names.insert(rule.configuration.targetLabel)
      default: names.formUnion(rule.configuration.sourceLabels)
      }
    }
    return names
  }

  /// Applies one rule; false when it drops the target.
  private static func apply(_ rule: Rule, _ working: inout WorkingLabels) -> Bool {
    let configuration = rule.configuration
    let value = configuration.sourceLabels.map { working[$0] }
      .joined(separator: configuration.separator)
    switch configuration.action {
    case .drop: return !rule.regex.matches(value)
    case .keep: return rule.regex.matches(value)
    case .dropequal: return !working[configuration.targetLabel].hasSameBytes(as: value)
    case .keepequal: return working[configuration.targetLabel].hasSameBytes(as: value)
    case .replace: replace(rule, value, &working)
    case .lowercase: working[configuration.targetLabel] = value.lowercased()
    case .uppercase: working[configuration.targetLabel] = value.uppercased()
    case .hashmod:
      let digest = MD5.digest(Array(value.utf8))
      let hash = digest[8...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      working[configuration.targetLabel] = String(hash % configuration.modulus)
    case .labelmap:
      for label in working.labels.sorted {
        if let match = rule.regex.match(label.name) {
          working[rule.replacement.expand(label.name, match)] = label.value
        }
      }
    case .labeldrop:
      for label in working.labels.sorted where rule.regex.matches(label.name) {
        working[label.name] = ""
      }
    case .labelkeep:
      for label in working.labels.sorted where !rule.regex.matches(label.name) {
        working[label.name] = ""
      }
    }
    return true
  }

  private static func replace(_ rule: Rule, _ value: String, _ working: inout WorkingLabels) {
    guard let match = rule.regex.match(value) else { return }
    let target = rule.target.expand(value, match)
    guard LabelNames.isValid(target) else { return }
    working[target] = rule.replacement.expand(value, match)
  }
}

/// Labels being changed; an empty value is the same as none.
private struct WorkingLabels {
  private var values: [ByteText: String] = [:]

  init(_ labels: Labels) {
    for label in labels.sorted where !label.value.isEmpty { values[label.name] = label.value }
  }

  subscript(_ name: String) -> String {
    get { values[name] ?? "" }
    set { values[name] = newValue.isEmpty ? nil : newValue }
  }

  var labels: Labels {
    Labels(values.map { Label($0.key.text, $0.value) }.sorted())
  }
}

extension Labels {
  /// Without the labels whose names begin with two underscores.
  package var withoutInternalLabels: Labels {
    guard sorted.contains(where: { $0.name.hasBytePrefix("__") }) else { return self }
    return Labels(sorted.filter { !$0.name.hasBytePrefix("__") })
  }
}

extension Regex {
  /// The groups of the match in `text`, or nil.
  fileprivate func match(_ text: String) -> [Range<Int>?]? { firstMatch(Array(text.utf8)) }
}
