import Configuration
import LogQL
import Synchronization
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
}

/// The rules of all tenants: the server's, and those of tenants that have their own in their place.
/// Safe to share between threads.
final class RetentionRules: Sendable {
  private struct Rules {
    var shared: StreamRetention
    var own: [TenantID: StreamRetention] = [:]
  }

  private let rules: Mutex<Rules>

  init(_ shared: StreamRetention = StreamRetention()) { rules = Mutex(Rules(shared: shared)) }

  /// Puts rules of single tenants in place of those that were there before.
  func setOverrides(_ own: [TenantID: StreamRetention]) { rules.withLock { $0.own = own } }

  /// Whether no stream is kept for another time than the store's own.
  var isEmpty: Bool {
    rules.withLock { $0.shared.isEmpty && $0.own.values.allSatisfy(\.isEmpty) }
  }

  /// Rows of the stream that are older than this are past their time.
  func limit(of stream: StreamReference, now: Timestamp, preset: TimeSpan) -> Timestamp {
    let own = rules.withLock { $0.own[stream.tenant] ?? $0.shared }
    let period = own.period(of: stream.labels, preset: preset)
    return period > .zero ? now - period : .distantPast
  }
}
