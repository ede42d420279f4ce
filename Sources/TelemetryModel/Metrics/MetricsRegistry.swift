import Bytes
import Synchronization

/// The process' own measurements by name, written as Prometheus' text format 0.0.4.
///
/// Asking for a name and labels that exist gives the same object again, so that modules need not
/// share them. A family holds at most ``seriesMax`` label sets; the rest count into one that has
/// the value `other` for each label.
package final class MetricsRegistry: Sendable {
  /// What `/metrics` of this process shows.
  package static let process = MetricsRegistry()

  /// The most label sets of one family.
  package static let seriesMax = 2000

  private enum Value {
    case counter(Counter)
    case seconds(SecondsCounter)
    case gauge(Gauge)
    case histogram(Histogram)
    case read(@Sendable () -> Double)
  }

  private struct Family {
    let help: String
    let type: String
    var series: [ByteText: Value] = [:]
  }

  private let families = Mutex<[String: Family]>([:])

  package init() {}

  /// A counter; names end in `_total`.
  package func counter(
    _ name: String, help: String, labels: KeyValuePairs<String, String> = [:]
  ) -> Counter {
    let value = series(name, help, "counter", labels) { .counter(Counter()) }
    guard case .counter(let counter) = value else { return Counter() }
    return counter
  }

  /// A counter in seconds; names end in `_seconds_total`.
  package func secondsCounter(
    _ name: String, help: String, labels: KeyValuePairs<String, String> = [:]
  ) -> SecondsCounter {
    let value = series(name, help, "counter", labels) { .seconds(SecondsCounter()) }
    guard case .seconds(let counter) = value else { return SecondsCounter() }
    return counter
  }

  package func gauge(
    _ name: String, help: String, labels: KeyValuePairs<String, String> = [:]
  ) -> Gauge {
    let value = series(name, help, "gauge", labels) { .gauge(Gauge()) }
    guard case .gauge(let gauge) = value else { return Gauge() }
    return gauge
  }

  /// A gauge whose value is asked for at each exposition; a later one replaces an earlier one.
  package func gauge(
    _ name: String, help: String, labels: KeyValuePairs<String, String> = [:],
    read: @escaping @Sendable () -> Double
  ) {
    families.withLock { families in
      families[name, default: Family(help: help, type: "gauge")]
        .series[ByteText(Self.key(labels))] = .read(read)
    }
  }

  package func histogram(
    _ name: String, help: String, labels: KeyValuePairs<String, String> = [:],
    bounds: [Double] = Histogram.requestSeconds
  ) -> Histogram {
    let value = series(name, help, "histogram", labels) { .histogram(Histogram(bounds: bounds)) }
    guard case .histogram(let histogram) = value else { return Histogram(bounds: bounds) }
    return histogram
  }

  private func series(
    _ name: String, _ help: String, _ type: String, _ labels: KeyValuePairs<String, String>,
    make: () -> Value
  ) -> Value {
    precondition(Self.isName(name), "a metric's name has letters, digits and underscores")
    var key = Self.key(labels)
    return families.withLock { families in
      var family = families[name] ?? Family(help: help, type: type)
      if family.series[key] == nil, family.series.count >= Self.seriesMax {
        key = labels.map { "\($0.key)=\"other\"" }.joined(separator: ",")
      }
      if let value = family.series[key] { return value }
      let value = make()
      family.series[key] = value
      families[name] = family
      return value
    }
  }

  /// All families, sorted by name and labels.
  package func exposition() -> [UInt8] {
    // Read callbacks run outside of the lock: they may come back here.
    let all = families.withLock { $0 }
    var out: [UInt8] = []
    for (name, family) in all.sorted(by: { $0.key < $1.key }) {
      out.append(utf8: "# HELP \(name) \(Self.escape(family.help, quotes: false))\n")
      out.append(utf8: "# TYPE \(name) \(family.type)\n")
      for (labels, value) in family.series.sorted(by: { $0.key < $1.key }) {
        Self.write(name, labels.text, value, into: &out)
      }
    }
    return out
  }

  private static func write(
    _ name: String, _ labels: String, _ value: Value, into out: inout [UInt8]
  ) {
    let braces = labels.isEmpty ? "" : "{\(labels)}"
    switch value {
    case .counter(let counter): out.append(utf8: "\(name)\(braces) \(counter.value)\n")
    case .seconds(let counter): out.append(utf8: "\(name)\(braces) \(number(counter.seconds))\n")
    case .gauge(let gauge): out.append(utf8: "\(name)\(braces) \(number(gauge.value))\n")
    case .read(let read): out.append(utf8: "\(name)\(braces) \(number(read()))\n")
    case .histogram(let histogram):
      let counts = histogram.cumulativeCounts
      let comma = labels.isEmpty ? "" : ","
      for (index, count) in counts.enumerated() {
        let bound = index < histogram.bounds.count ? number(histogram.bounds[index]) : "+Inf"
        out.append(utf8: "\(name)_bucket{\(labels)\(comma)le=\"\(bound)\"} \(count)\n")
      }
      out.append(utf8: "\(name)_sum\(braces) \(number(histogram.sum))\n")
      out.append(utf8: "\(name)_count\(braces) \(counts.last ?? 0)\n")
    }
  }

  private static func key(_ labels: KeyValuePairs<String, String>) -> String {
    labels.map { "\($0.key)=\"\(escape($0.value, quotes: true))\"" }.joined(separator: ",")
  }

  private static func escape(_ text: String, quotes: Bool) -> String {
    var out = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\"" where quotes: out += "\\\""
      default: out.unicodeScalars.append(character)
      }
    }
    return out
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { return "\(whole)" }
    return "\(value)"
  }

  private static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x3a, 0x41...0x5a, 0x5f, 0x61...0x7a: true
      default: false
      }
    }
  }
}
