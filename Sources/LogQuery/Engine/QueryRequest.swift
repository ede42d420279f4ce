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
