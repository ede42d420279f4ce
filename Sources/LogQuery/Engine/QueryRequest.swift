package import LogQL
package import TelemetryModel

/// Which end of the time range a log query begins at.
package enum Direction: String, Sendable, Hashable {
  case forward
  case backward
}

/// One question to the engine.
package struct QueryRequest: Sendable {
  package var tenants: [TenantID]
  package var expression: Expression
  /// Log queries: inclusive. Metric queries: the first step. Instant queries: equal to `end`.
  package var start: Timestamp
  /// Log queries: exclusive. Metric queries: the last step is at or before it.
  package var end: Timestamp
  /// Positive, or zero for an instant query.
  package var step: TimeSpan
  /// Log queries leave out entries closer than this to the one before; zero for none.
  package var interval: TimeSpan
  /// The most entries of a log query.
  package var limit: Int
  package var direction: Direction

  package init(
    tenants: [TenantID] = [.single], expression: Expression, start: Timestamp, end: Timestamp,
    step: TimeSpan = .zero, interval: TimeSpan = .zero, limit: Int = 100,
    direction: Direction = .backward
  ) {
    self.tenants = tenants
    self.expression = expression
    self.start = start
    self.end = end
    self.step = step
    self.interval = interval
    self.limit = limit
    self.direction = direction
  }

  /// The vector at one moment.
  package static func instant(
    tenants: [TenantID] = [.single], _ expression: Expression, at time: Timestamp
  ) -> QueryRequest {
    QueryRequest(tenants: tenants, expression: expression, start: time, end: time)
  }

  var isInstant: Bool { step == .zero }
}

/// What bounds a query.
package struct QueryLimits: Sendable {
  /// The most series of an answer.
  package var seriesMax: Int
  /// The most series × steps that a metric query keeps at a time, 8 bytes each.
  package var cellsMax: Int
  /// The most bytes of lines that a log query keeps.
  package var lineBytesMax: Int
  /// The most numbers that a query with `quantile_over_time` or many windows keeps.
  package var samplesMax: Int
  /// Asked often; true ends the query with ``QueryError/cancelled``.
  package var isCancelled: @Sendable () -> Bool
  /// Asked often; true ends the query with ``QueryError/deadlineExceeded``.
  package var isPastDeadline: @Sendable () -> Bool

  package init(
    seriesMax: Int = 500, cellsMax: Int = 16 << 20, lineBytesMax: Int = 256 << 20,
    samplesMax: Int = 16 << 20, isCancelled: @escaping @Sendable () -> Bool = { false },
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
}
