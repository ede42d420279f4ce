import Configuration
import TelemetryModel

/// A bucket of tokens that fills at a rate and holds a burst.
struct TokenBucket {
  let perSecond: Double
  let burst: Double
  private var tokens: Double
  private var filledAt: Int64?

  init(perSecond: Double, burst: Int) {
    self.perSecond = perSecond
    self.burst = Double(burst)
    tokens = Double(burst)
  }

  /// Takes one token; false when there is none.
  mutating func take(now: Int64) -> Bool {
    fill(now)
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }

  /// Takes one token, on credit if need be; the nanoseconds until it is paid for, a year at most.
  mutating func takeOnCredit(now: Int64) -> Int64 {
    fill(now)
    tokens -= 1
    guard tokens < 0 else { return 0 }
    return Int64(min(-tokens / perSecond * 1e9, 365 * 86_400e9).rounded(.up))
  }

  private mutating func fill(_ now: Int64) {
    if let filledAt, now > filledAt {
      tokens = min(burst, tokens + Double(now - filledAt) / 1e9 * perSecond)
    }
    filledAt = max(now, filledAt ?? now)
  }
}

/// `limit`: lets a number of lines a second through; others are dropped or reading waits.
final class LimitStage: Stage {
  private let rate: Double
  private let burst: Int
  private let drops: Bool
  private let label: Int?
  private let labelsMax: Int
  private var bucket: TokenBucket
  private var byLabel: [[UInt8]: TokenBucket] = [:]

  private static let reason = "ratelimit_drop_stage"
  /// A lower `max_distinct_labels` is raised to this, as Promtail does.
  private static let labelsMin = 10_000

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    var rate = 0.0
    var burst = 0
    var drops = false
    var label = ""
    var labelsMax = Self.labelsMin
    try section.readWeakly("rate", &rate)
    try section.readWeakly("burst", &burst)
    try section.readWeakly("drop", &drops)
    try section.readWeakly("by_label_name", &label)
    try section.readWeakly("max_distinct_labels", &labelsMax)
    try section.finish()
    guard rate > 0 else { throw section.error("rate", "is needed, above 0") }
    guard burst > 0 else { throw section.error("burst", "is needed, above 0") }
    guard label.isEmpty || drops else {
      throw section.error("by_label_name", "needs `drop: true`")
    }
    self.rate = rate
    self.burst = burst
    self.drops = drops
    self.label = label.isEmpty ? nil : shared.slots.slot(label)
    self.labelsMax = max(labelsMax, Self.labelsMin)
    bucket = TokenBucket(perSecond: rate, burst: burst)
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    let now = shared.monotonicNow
    if let label {
      guard let range = entry.label(label) else { return .proceed }
      let value = Array(entry.bytes[range])
      if byLabel.count >= labelsMax, byLabel[value] == nil {
        byLabel.removeAll()
        shared.dropsByLabel = shared.dropsByLabel.filter { $0.key.name != label }
      }
      let isLet =
        byLabel[value, default: TokenBucket(perSecond: rate, burst: burst)].take(now: now)
      if isLet { return .proceed }
      shared.dropsByLabel[LabelDropKey(name: label, value: value), default: 0] += 1
      return .drop(reason: LimitStage.reason)
    }
    if drops { return bucket.take(now: now) ? .proceed : .drop(reason: LimitStage.reason) }
    let wait = bucket.takeOnCredit(now: now)
    if wait > 0 { shared.readAgainAt = max(shared.readAgainAt ?? 0, now + wait) }
    return .proceed
  }
}

/// `sampling`: lets a share of the lines through, by chance.
final class SamplingStage: Stage {
  private let rate: Double
  private let reason: String

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    var rate = 0.0
    try section.readWeakly("rate", &rate)
    var reason = ""
    try section.readWeakly("drop_counter_reason", &reason)
    try section.finish()
    guard (0...1).contains(rate) else {
      throw section.error("rate", "must be between 0 and 1")
    }
    self.rate = rate
    self.reason = reason.isEmpty ? "sampling_stage" : reason
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    Double.random(in: 0..<1) < rate ? .proceed : .drop(reason: reason)
  }
}
