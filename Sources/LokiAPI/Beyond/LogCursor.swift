import Bytes
import LogQuery
import TelemetryModel

/// A place between two lines of a log query's answer, where the next page begins.
///
/// As text: `f` or `b` for the direction, the time of the last line in nanoseconds, and a hash of
/// each line of that very time that was given already, so that a page neither repeats nor leaves
/// out lines, whatever is pushed in between.
struct LogCursor: Hashable {
  var direction: Direction
  var time: Timestamp
  /// As often as such lines were given.
  var given: [UInt64]

  /// Lines of one time that a cursor can tell apart.
  static let givenMax = 100_000

  init(direction: Direction, time: Timestamp, given: [UInt64]) {
    self.direction = direction
    self.time = time
    self.given = given
  }

  /// nil for text that no answer had.
  init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count >= 2, parts.count <= Self.givenMax + 2, let time = Int64(parts[1]) else {
      return nil
    }
    switch parts[0] {
    case "f": direction = .forward
    case "b": direction = .backward
    default: return nil
    }
    self.time = Timestamp(nanoseconds: time)
    given = []
    for part in parts.dropFirst(2) {
      guard let hash = UInt64(part, radix: 36) else { return nil }
      given.append(hash)
    }
  }

  var text: String {
    let parts = [direction == .forward ? "f" : "b", String(time.nanoseconds)]
    return (parts + given.map { String($0, radix: 36) }).joined(separator: ".")
  }

  /// Tells lines of one time apart.
  static func hash(_ entry: ResultEntry) -> UInt64 {
    var bytes = Array(entry.labels.all.description.utf8)
    bytes.append(0xff)
    bytes += entry.line
    return XXH64.hash(bytes)
  }
}

/// A log query's answer, page by page.
struct LogPages {
  private let engine: QueryEngine
  private let question: QueryRequest
  private(set) var cursor: LogCursor?
  private(set) var isAtEnd = false
  /// Of the last page.
  private(set) var statistics = QueryStatistics()

  /// From the beginning, or from `cursor`, which must be of the question's direction.
  init(_ engine: QueryEngine, _ question: QueryRequest, from cursor: LogCursor? = nil) {
    self.engine = engine
    self.question = question
    self.cursor = cursor
  }

  /// The next `count` lines or fewer, in the question's order; then the cursor is behind them.
  mutating func next(_ count: Int, limits: QueryLimits) throws(QueryError) -> [ResultEntry] {
    guard !isAtEnd, count > 0 else { return [] }
    var request = question
    var given: [UInt64: Int] = [:]
    if let cursor {
      for hash in cursor.given { given[hash, default: 0] += 1 }
      switch question.direction {
      case .forward: request.start = max(request.start, cursor.time)
      case .backward: request.end = min(request.end, cursor.time + TimeSpan(nanoseconds: 1))
      }
      request.limit = count + cursor.given.count
    } else {
      request.limit = count
    }
    guard request.start < request.end else {
      isAtEnd = true
      return []
    }
    let result = try engine.answer(request, limits: limits)
    statistics = result.statistics
    guard case .streams(let streams) = result.value else { return [] }
    let isForward = question.direction == .forward
    let found = streams.flatMap(\.entries).sorted {
      isForward ? $0.timestamp < $1.timestamp : $0.timestamp > $1.timestamp
    }
    isAtEnd = found.count < request.limit
    let fresh = found.filter { entry in
      guard entry.timestamp == cursor?.time else { return true }
      let hash = LogCursor.hash(entry)
      guard let left = given[hash], left > 0 else { return true }
      given[hash] = left - 1
      return false
    }
    if let last = fresh.last?.timestamp {
      let ofLast = fresh.filter { $0.timestamp == last }.map(LogCursor.hash)
      let before = cursor?.time == last ? cursor?.given ?? [] : []
      cursor = LogCursor(direction: question.direction, time: last, given: before + ofLast)
    } else {
      isAtEnd = true
    }
    return fresh
  }
}
