import LogQL
package import TelemetryModel

/// What bounds a query. Counts and sizes of zero mean no limit where the comment says so.
package struct QueryLimits: Sendable {
  /// The most series of an answer; zero for no limit.
  package var seriesMax: Int
  /// The most series × steps that a metric query keeps at a time, 8 bytes each.
  package var cellsMax: Int
  /// The most bytes of lines that a log query keeps.
  package var lineBytesMax: Int
  /// The most numbers, 8 to 40 bytes each, that a query keeps at a time: samples of functions that
  /// need each of them, and those of all series that fall between two starts or ends of windows
  /// as one. Range queries that need more are evaluated in parts, at several costs of reading.
  package var samplesMax: Int
  /// Where `max_query_lookback` says that data ends: nothing older is looked at.
  package var oldest = Timestamp.distantPast
  /// The longest time from start to end; zero for no limit.
  package var lengthMax = TimeSpan.zero
  /// The longest `[range]`; zero for no limit.
  package var rangeMax = TimeSpan.zero
  /// The most bytes of lines that all selectors of a query may cover, by the index; zero for no
  /// limit.
  package var bytesReadMax = 0
  /// The same for one selector; zero for no limit.
  package var bytesReadPerSelectorMax = 0
  /// The most matchers of a query, zero for no limit.
  package var matchersMax = 0
  /// Labels that each selector must name.
  package var requiredLabels: [String] = []
  /// How many matchers each selector must have.
  package var matchersMin = 0
  /// How far the query is; also counts what it may read.
  package let progress = QueryProgress()
  /// Asked often; true ends the query with ``QueryError/cancelled``.
  package var isCancelled: @Sendable () -> Bool
  /// Asked often; true ends the query with ``QueryError/deadlineExceeded``.
  package var isPastDeadline: @Sendable () -> Bool

  package init(
    seriesMax: Int = 500, cellsMax: Int = 16 << 20, lineBytesMax: Int = 256 << 20,
    samplesMax: Int = 4 << 20, isCancelled: @escaping @Sendable () -> Bool = { false },
    isPastDeadline: @escaping @Sendable () -> Bool = { false }
  ) {
    self.seriesMax = seriesMax
    self.cellsMax = cellsMax
    self.lineBytesMax = lineBytesMax
    self.samplesMax = samplesMax
    self.isCancelled = isCancelled
    self.isPastDeadline = isPastDeadline
  }

  func check() throws(QueryError) {
    if isCancelled() { throw .cancelled }
    if isPastDeadline() { throw .deadlineExceeded }
  }

  func checkSeries(_ count: Int) throws(QueryError) {
    if seriesMax > 0, count > seriesMax { throw .tooManySeries(seriesMax) }
  }

  // MARK: Before anything is read

  /// Checks what the text and the times of a query say, with Loki's words.
  func check(_ request: QueryRequest) throws(QueryError) {
    let length = request.end - request.start
    guard lengthMax == .zero || length <= lengthMax else {
      throw QueryError(
        "the query time range exceeds the limit (query length: \(DurationText.go(length)), "
          + "limit: \(DurationText.go(lengthMax)))")
    }
    let ranges = request.expression.logRanges
    if rangeMax > .zero, let long = ranges.first(where: { $0.span > rangeMax }) {
      throw QueryError(
        "[interval] value exceeds limit: [\(DurationText.prometheus(long.span))] > "
          + "[\(DurationText.prometheus(rangeMax))]")
    }
    var selectors = ranges.map(\.selection.matchers)
    if case .log(let selection) = request.expression { selectors.append(selection.matchers) }
    try check(selectors)
  }

  private func check(_ selectors: [[LabelMatcher]]) throws(QueryError) {
    let count = selectors.reduce(0) { $0 + $1.count }
    guard matchersMax == 0 || count <= matchersMax else {
      throw QueryError(
        "max streams matchers per query exceeded, matchers-count > limit (\(count) > "
          + "\(matchersMax))")
    }
    for matchers in selectors {
      let names = matchers.map(\.name)
      let present = names.joined(separator: ", ")
      let missing = requiredLabels.filter { !names.contains($0) }
      guard missing.isEmpty else {
        throw QueryError(
          "stream selector is missing required matchers [\(missing.joined(separator: ", "))], "
            + "labels present in the query were [\(present)]")
      }
      guard matchers.count >= matchersMin else {
        throw QueryError(
          "stream selector has less label matchers than required: (present: [\(present)], "
            + "number_present: \(matchers.count), required_number_label_matchers: "
            + "\(matchersMin))")
      }
    }
  }

  var boundsBytes: Bool { bytesReadMax > 0 || bytesReadPerSelectorMax > 0 }

  /// Checks what a selector covers, `bytes` of lines, and all of the query's so far.
  func checkBytes(_ bytes: Int, ofQuery sum: Int) throws(QueryError) {
    guard bytesReadMax == 0 || sum <= bytesReadMax else {
      throw QueryError(
        "the query would read too many bytes (query: \(BinarySize.text(sum)), limit: "
          + "\(BinarySize.text(bytesReadMax))); consider adding more specific stream selectors or "
          + "reduce the time range of the query")
    }
    guard bytesReadPerSelectorMax == 0 || bytes <= bytesReadPerSelectorMax else {
      throw QueryError(
        "query too large to execute on a single querier: (query: \(BinarySize.text(bytes)), "
          + "limit: \(BinarySize.text(bytesReadPerSelectorMax))); consider adding more specific "
          + "stream selectors, reduce the time range of the query, or adjust parallelization "
          + "settings")
    }
  }
}

/// Bytes as Go's humanize prints them: `49 MiB`, `1.0 MiB`, `9 B`.
enum BinarySize {
  static func text(_ bytes: Int) -> String {
    if bytes < 10 { return "\(bytes) B" }
    var value = Double(bytes)
    var units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][...]
    while value >= 1024, units.count > 1 {
      value /= 1024
      units.removeFirst()
    }
    let unit = units[units.startIndex]
    let tenths = Int(value * 10 + 0.5)
    if tenths < 100 { return "\(tenths / 10).\(tenths % 10) \(unit)" }
    return "\(Int((Double(tenths) / 10).rounded(.toNearestOrEven))) \(unit)"
  }
}
