import Bytes
package import LinuxIO
import Synchronization
import TelemetryModel
import WireFormats

/// What `metrics` stages count, for all pipelines of one agent, and how it is shown.
///
/// Any thread may read and add. The same name may be defined again by other stages if the type is
/// the same; they count into the same series.
package final class PipelineMetrics: Sendable {
  private let families = Mutex<[String: MetricFamily]>([:])
  private let clock: any WallClock

  package init(clock: any WallClock = SystemClock()) { self.clock = clock }

  /// Seconds of the clock by which series grow idle.
  var seconds: Int64 { Int64(truncatingIfNeeded: clock.monotonic().nanoseconds / 1_000_000_000) }

  /// The family `name`, made if there is none; nil when it exists with another type or other
  /// buckets.
  func family(_ name: String, help: String, kind: MetricKind, idleSeconds: Int64) -> MetricFamily? {
    families.withLock { families in
      if let known = families[name] { return known.kind == kind ? known : nil }
      let made = MetricFamily(name: name, help: help, kind: kind, idleSeconds: idleSeconds)
      families[name] = made
      return made
    }
  }

  /// Prometheus's text format. A series that was idle for too long is shown for the last time.
  package func exposition() -> [UInt8] {
    let now = seconds
    var out: [UInt8] = []
    for (_, family) in families.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      family.write(now: now, into: &out)
    }
    return out
  }
}

/// What a metric is.
enum MetricKind: Hashable {
  case counter, gauge
  /// Upper bounds without the infinite one.
  case histogram([Double])

  var name: String {
    switch self {
    case .counter: "counter"
    case .gauge: "gauge"
    case .histogram: "histogram"
    }
  }
}

/// The series of one metric by their labels.
final class MetricFamily: Sendable {
  let kind: MetricKind
  private let name: String
  private let help: String
  private let idleSeconds: Int64
  private let table = Mutex<[Labels: MetricSeries]>([:])

  /// Streams beyond this many count into one series.
  private static let seriesMax = 10_000
  private static let overflow: Labels = ["overflow": "true"]

  init(name: String, help: String, kind: MetricKind, idleSeconds: Int64) {
    self.name = name
    self.help = help
    self.kind = kind
    self.idleSeconds = idleSeconds
  }

  func series(_ labels: Labels) -> MetricSeries {
    table.withLock { table in
      if let known = table[labels] { return known }
      let key = table.count < Self.seriesMax ? labels : Self.overflow
      if let known = table[key] { return known }
      let made = MetricSeries(kind)
      table[key] = made
      return made
    }
  }

  func write(now: Int64, into out: inout [UInt8]) {
    let all = table.withLock { table in
      let all = table
      for (labels, series) in all where series.retire(now: now, idleSeconds: idleSeconds) {
        table[labels] = nil
      }
      return all
    }
    guard !all.isEmpty else { return }
    let shownName = LegacyName.isValid(name) ? name : quoted(name)
    out.append(utf8: "# HELP \(shownName) \(LegacyName.escapedHelp(help))\n")
    out.append(utf8: "# TYPE \(shownName) \(kind.name)\n")
    for (labels, series) in all.sorted(by: {
      $0.key.sorted.lexicographicallyPrecedes($1.key.sorted)
    }) {
      series.write(name, labels, into: &out)
    }
  }
}

/// One metric of one stream.
final class MetricSeries: Sendable {
  /// Of counters and gauges.
  private let single = Gauge()
  private let histogram: Histogram?
  private let usedAtSeconds = Atomic<Int64>(0)
  private let retired = Atomic<Bool>(false)

  init(_ kind: MetricKind) {
    if case .histogram(let bounds) = kind {
      histogram = Histogram(bounds: bounds)
    } else {
      histogram = nil
    }
  }

  /// Whether it left the family: whoever counts has to ask for another one.
  var isRetired: Bool { retired.load(ordering: .relaxed) }

  func add(_ amount: Double, nowSeconds: Int64) {
    single.add(amount)
    usedAtSeconds.store(nowSeconds, ordering: .relaxed)
  }

  func set(_ value: Double, nowSeconds: Int64) {
    single.set(value)
    usedAtSeconds.store(nowSeconds, ordering: .relaxed)
  }

  func observe(_ value: Double, nowSeconds: Int64) {
    histogram?.observe(value)
    usedAtSeconds.store(nowSeconds, ordering: .relaxed)
  }

  fileprivate func retire(now: Int64, idleSeconds: Int64) -> Bool {
    guard now - usedAtSeconds.load(ordering: .relaxed) >= idleSeconds else { return false }
    retired.store(true, ordering: .relaxed)
    return true
  }

  fileprivate func write(_ name: String, _ labels: Labels, into out: inout [UInt8]) {
    func line(_ suffix: String, _ bound: String?, _ value: String) {
      let full = name + suffix
      let isLegacy = LegacyName.isValid(full)
      var parts = isLegacy ? [] : [quoted(full)]
      for label in labels.sorted {
        let shown = LegacyName.isValid(label.name) ? label.name : quoted(label.name)
        parts.append("\(shown)=\(LegacyName.quotedValue(label.value))")
      }
      if let bound { parts.append("le=\"\(bound)\"") }
      let braces = parts.isEmpty ? "" : "{\(parts.joined(separator: ","))}"
      out.append(utf8: "\(isLegacy ? full : "")\(braces) \(value)\n")
    }
    guard let histogram else {
      line("", nil, formatFloat(single.value, .general))
      return
    }
    let counts = histogram.cumulativeCounts
    for (index, count) in counts.enumerated() {
      let isLast = index == histogram.bounds.count
      line("_bucket", isLast ? "+Inf" : formatFloat(histogram.bounds[index], .general), "\(count)")
    }
    line("_sum", nil, formatFloat(histogram.sum, .general))
    line("_count", nil, "\(counts.last ?? 0)")
  }
}

/// Names and values as Prometheus's text format has them.
private enum LegacyName {
  static func isValid(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x3a, 0x41...0x5a, 0x5f, 0x61...0x7a: true
      default: false
      }
    }
  }

  static func escapedHelp(_ text: String) -> String { escaped(text, quotes: false) }

  static func quotedValue(_ text: String) -> String { "\"\(escaped(text, quotes: true))\"" }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\"" where quotes: out += "\\\""
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
