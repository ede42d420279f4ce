import Bytes
package import Configuration
package import LinuxIO
package import LogStore
import Synchronization
import TelemetryModel

/// Finds patterns in all lines that a store takes, and answers which there are.
///
/// Safe to share between threads. Lines wait in a bounded queue; when it is full they are passed
/// over, since patterns are a matter of many lines.
package final class PatternFinder: Sendable {
  /// One pattern of an answer.
  struct Found {
    var pattern: String
    var level: String
    /// Lines in each step, in the order of time.
    var samples: [(time: Timestamp, count: Int)]
    var total: Int { samples.reduce(0) { $0 + $1.count } }
  }

  private struct Key: Hashable {
    let tenant: TenantID
    let labels: Labels
    @ByteText var level: String
  }

  private struct Stream {
    let format: LineFormat
    var tree = PatternTree()
  }

  private struct Queue {
    var arrivals: [(tenant: TenantID, rows: StreamRows)] = []
    var byteCount = 0
    var isScheduled = false
  }

  private static let queueBytesMax = 16 << 20
  /// Streams and levels that are followed at once.
  private static let streamsMax = 2000
  /// How often what is older than the retention is looked for while lines come.
  private static let forgettingInterval = TimeSpan.minutes(1)

  private struct Learned {
    var streams: [Key: Stream] = [:]
    /// When what is old was forgotten last.
    var forgotten = Timestamp.distantPast
  }

  private let learned = Mutex(Learned())
  private let queue = Mutex(Queue())
  private let following = Mutex<LogFollowing?>(nil)
  private let executor: BlockingExecutor
  private let retention: TimeSpan
  private let clock: any WallClock

  package init(
    _ settings: PatternSettings, executor: BlockingExecutor,
    clock: any WallClock = SystemClock()
  ) {
    self.executor = executor
    self.clock = clock
    retention = settings.retention
  }

  /// Learns from what `store` takes from now on.
  package func follow(_ store: LogStore) throws(LogStoreError) {
    let made = try store.follow(tenants: nil, matchers: []) { [weak self] tenant, rows in
      self?.receive(tenant, rows)
    }
    following.withLock { $0 = made }
  }

  private func receive(_ tenant: TenantID, _ rows: StreamRows) {
    let mustSchedule = queue.withLock { queue in
      guard queue.byteCount + rows.lineBytes.count <= Self.queueBytesMax else { return false }
      queue.byteCount += rows.lineBytes.count
      queue.arrivals.append((tenant, rows))
      defer { queue.isScheduled = true }
      return !queue.isScheduled
    }
    if mustSchedule { executor.submit { [weak self] in self?.learnAll() } }
  }

  private func learnAll() {
    while true {
      let arrivals = queue.withLock { queue in
        defer {
          queue.isScheduled = !queue.arrivals.isEmpty
          queue.arrivals = []
          queue.byteCount = 0
        }
        return queue.arrivals
      }
      if arrivals.isEmpty { return }
      let now = Timestamp(nanoseconds: clock.now())
      learned.withLock { learned in
        for (tenant, rows) in arrivals { Self.learn(tenant, rows, &learned.streams) }
        if learned.forgotten < now - Self.forgettingInterval { forgetOld(&learned, now) }
      }
    }
  }

  private static func learn(_ tenant: TenantID, _ rows: StreamRows, _ streams: inout [Key: Stream])
  {
    rows.lineBytes.withUnsafeBytes { bytes in
      for row in 0..<rows.count {
        let line = UnsafeRawBufferPointer(rebasing: bytes[rows.lineRange(row)])
        let level = rows.metadata(row).first { $0.name == "detected_level" }?.value ?? "unknown"
        let key = Key(tenant: tenant, labels: rows.labels, level: level)
        if streams[key] == nil, streams.count >= streamsMax { continue }
        var stream = streams.removeValue(forKey: key) ?? Stream(format: LineFormat(of: line))
        if let tokens = PatternTokens(line, stream.format) {
          stream.tree.add(tokens, at: rows.timestamps[row])
        }
        streams[key] = stream
      }
    }
  }

  private func forgetOld(_ learned: inout Learned, _ now: Timestamp) {
    learned.forgotten = now
    for key in Array(learned.streams.keys) {
      guard var stream = learned.streams.removeValue(forKey: key) else { continue }
      stream.tree.forget(before: now - retention)
      if !stream.tree.isEmpty { learned.streams[key] = stream }
    }
  }

  /// The fewest lines of a pattern that is told, and the most patterns.
  static let linesMin = 30
  static let patternsMax = 300

  /// The patterns of matching streams, those of most lines first.
  func find(
    tenants: [TenantID], matchers: [LabelMatcher], range: Range<Timestamp>, step: TimeSpan
  ) throws(LogStoreError) -> [Found] {
    let compiled = try CompiledMatcher.compile(matchers)
    let width = max(step, PatternTree.interval).nanoseconds
    var counts: [ByteText: [ByteText: [Int64: Int]]] = [:]
    learned.withLock { learned in
      forgetOld(&learned, Timestamp(nanoseconds: clock.now()))
      for (key, stream) in learned.streams where tenants.contains(key.tenant) {
        guard compiled.allSatisfy({ $0.matches(key.labels[$0.name] ?? "") }) else { continue }
        for cluster in stream.tree.clusters.values {
          var steps: [Int64: Int] = [:]
          for sample in cluster.samples where range.contains(sample.time) {
            steps[sample.time.nanoseconds / width * width, default: 0] += sample.count
          }
          guard !steps.isEmpty else { continue }
          counts[cluster.pattern, default: [:]][key.level, default: [:]].merge(
            steps, uniquingKeysWith: +)
        }
      }
    }
    var found: [Found] = []
    for (pattern, levels) in counts {
      for (level, steps) in levels {
        let samples = steps.sorted { $0.key < $1.key }.map {
          (time: Timestamp(nanoseconds: $0.key), count: $0.value)
        }
        found.append(Found(pattern: pattern.text, level: level.text, samples: samples))
      }
    }
    found = found.filter { $0.total >= Self.linesMin }
    found.sort {
      $0.total == $1.total ? $0.pattern.precedesByBytes($1.pattern) : $0.total > $1.total
    }
    return Array(found.prefix(Self.patternsMax))
  }
}
