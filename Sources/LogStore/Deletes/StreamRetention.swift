import Configuration
import LogQL
import TelemetryModel

/// How long rows of each stream are kept: Loki's `retention_stream` over the store's own period.
struct StreamRetention: Sendable {
  private struct Rule: Sendable {
    var matchers: [CompiledMatcher]
    var priority: Int
    var period: TimeSpan
  }

  private let rules: [Rule]

  /// Throws ``LogStoreError/Code/badQuery`` with the selector that does not parse.
  init(_ settings: [StreamRetentionSettings]) throws(LogStoreError) {
    var rules: [Rule] = []
    for setting in settings {
      do throws(LogQLError) {
        let matchers = try LogQL.parseMatchers(setting.selector)
        rules.append(
          Rule(
            matchers: try Self.compiled(matchers), priority: setting.priority,
            period: setting.period))
      } catch {
        throw LogStoreError(
          .badQuery, "retention_stream: the selector \(quoted(setting.selector)): \(error.message)")
      }
    }
    self.rules = rules
  }

  init() { rules = [] }

  private static func compiled(_ matchers: [LabelMatcher]) throws(LogQLError) -> [CompiledMatcher] {
    do throws(LogStoreError) {
      return try CompiledMatcher.compile(matchers)
    } catch { throw LogQLError(error.message) }
  }

  var isEmpty: Bool { rules.isEmpty }

  /// The period of the rule with the greatest priority that matches, of several the shortest;
  /// `preset` without one. Zero is for ever.
  func period(of labels: Labels, preset: TimeSpan) -> TimeSpan {
    var best: Rule?
    for rule in rules where rule.matchers.allSatisfy({ $0.matches(labels[$0.name] ?? "") }) {
      if let known = best,
        known.priority > rule.priority
          || (known.priority == rule.priority && known.period <= rule.period)
      {
        continue
      }
      best = rule
    }
    return best?.period ?? preset
  }

  /// Rows of the stream that are older than this are past their time.
  func limit(of labels: Labels, now: Timestamp, preset: TimeSpan) -> Timestamp {
    let period = period(of: labels, preset: preset)
    return period > .zero ? now - period : .distantPast
  }
}
