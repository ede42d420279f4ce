import LinuxIO
import LogQL
import LogQuery
import LogStore
import LokiAPI
import TelemetryModel
import WireFormats

/// The lines of standard input as a store that LogQL is asked of: `--stdin`.
///
/// All lines are one stream with the labels that the query's selector asks for by `=`; what else
/// its selectors say is of no meaning. Lines are held in memory, ``bytesMax`` of them.
struct StandardInputLogs: LogAnswers {
  static let bytesMax = 1 << 30
  private static let pieceBytes = 4 << 20

  /// The query over the one stream that there is.
  let query: String
  /// From the first line to behind the last; nil without lines.
  let span: QueryRange?
  private let service: QueryService
  private let executor: BlockingExecutor

  /// Reads standard input to its end.
  ///
  /// - Parameter hasOwnTimes: whether lines are of the times written in them, where the first line
  ///   has one that is understood; else of the moment they are read.
  init(_ text: String, hasOwnTimes: Bool, now: @escaping @Sendable () -> Int64) async throws {
    let blank = text.prefix { $0.isWhitespace }
    let isStageOnly = ["|", "!"].contains(text.dropFirst(blank.count).prefix(1))
    let whole = isStageOnly ? "{source=\"stdin\"} \(text)" : text
    let expression: Expression
    do throws(LogQLError) {
      expression = try LogQL.parse(whole, allowsAnyStreams: true)
    } catch { throw CommandFailure(message: error.message) }
    var labels: [Label] = []
    for matcher in expression.allMatchers
    where matcher.operation == .equal && !labels.contains(where: { $0.name == matcher.name }) {
      labels.append(Label(matcher.name, matcher.value))
    }
    if labels.isEmpty { labels = [Label("source", "stdin")] }
    query =
      expression.selecting([LabelMatcher(labels[0].name, .equal, labels[0].value)]).description
    var reader = LineStamps(hasOwnTimes: hasOwnTimes, now: now)
    var pieces = [StreamRows(labels: Labels(labels))]
    var total = 0
    try await readLines(from: 0) { line in
      total += line.count
      guard total <= Self.bytesMax else {
        throw CommandFailure(message: "standard input has more than \(Self.bytesMax) bytes")
      }
      if pieces[pieces.count - 1].lineBytes.count > Self.pieceBytes {
        pieces.append(StreamRows(labels: Labels(labels)))
      }
      pieces[pieces.count - 1].append(LogEntry(timestamp: reader.stamp(line), line: line))
    }
    span = reader.range
    let store = LogStore.holding(pieces.map { (.single, [$0]) })
    var settings = QuerySettings()
    settings.entriesMax = .max
    settings.seriesMax = 100_000
    settings.timeoutSeconds = 86_400
    settings.queryLengthMax = .hours(24 * 365 * 200)
    service = QueryService(source: store, index: store, settings: settings)
    executor = try BlockingExecutor(name: "query", threadCount: 1)
  }

  func json(_ path: String, _ query: [(String, String)]) async throws -> JSONValue {
    let request = QueryAPIRequest(
      path: path, parameters: QueryParameters(query.map { (name: $0.0, value: $0.1) }))
    let service = self.service
    let response = await executor.run { service.respond(to: request) }
    guard response.status == 200 else {
      throw CommandFailure(message: String(decoding: response.body, as: UTF8.self))
    }
    return try JSONValue.parse(response.body, bytesMax: 1 << 30)
  }
}

/// Gives lines their times, each of its own.
private struct LineStamps {
  let hasOwnTimes: Bool
  let now: @Sendable () -> Int64
  private var clock: LineClock?
  private var isFirst = true
  private var last: Int64 = 0
  /// Lines of one written time follow each other by a nanosecond, so that none is a repeat.
  private var base: Int64 = 0
  private var repeats: Int64 = 0
  private(set) var range: QueryRange?

  init(hasOwnTimes: Bool, now: @escaping @Sendable () -> Int64) {
    self.hasOwnTimes = hasOwnTimes
    self.now = now
  }

  mutating func stamp(_ line: [UInt8]) -> Timestamp {
    if isFirst, hasOwnTimes { clock = LineClock(line: line) }
    isFirst = false
    var nanoseconds: Int64
    if let clock {
      // A line without a time belongs to the one before.
      let own = clock.read(line, now: Timestamp(nanoseconds: now()))?.time.nanoseconds ?? base
      repeats = own == base ? repeats + 1 : 0
      base = own
      nanoseconds = own &+ repeats
    } else {
      nanoseconds = max(last + 1, now())
      last = nanoseconds
    }
    let time = Timestamp(nanoseconds: nanoseconds)
    let end = time + TimeSpan(nanoseconds: 1)
    range = QueryRange(start: min(range?.start ?? time, time), end: max(range?.end ?? end, end))
    return time
  }
}

extension Expression {
  /// The matchers of all selectors, from left to right.
  fileprivate var allMatchers: [LabelMatcher] {
    switch self {
    case .log(let selection): selection.matchers
    default: logRanges.flatMap(\.selection.matchers)
    }
  }

  /// The same over other streams.
  fileprivate func selecting(_ matchers: [LabelMatcher]) -> Expression {
    switch self {
    case .log(var selection):
      selection.matchers = matchers
      return .log(selection)
    case .rangeAggregation(var aggregation):
      aggregation.range.selection.matchers = matchers
      return .rangeAggregation(aggregation)
    case .vectorAggregation(var aggregation):
      aggregation.operand = aggregation.operand.selecting(matchers)
      return .vectorAggregation(aggregation)
    case .binary(var operation):
      operation.left = operation.left.selecting(matchers)
      operation.right = operation.right.selecting(matchers)
      return .binary(operation)
    case .labelReplace(var replace):
      replace.operand = replace.operand.selecting(matchers)
      return .labelReplace(replace)
    case .literal, .vector: return self
    }
  }
}
