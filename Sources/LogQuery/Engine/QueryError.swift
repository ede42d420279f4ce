package import LogQL
import LogStore

/// Why a query has no answer, with Loki's words and status.
package struct QueryError: Error, Hashable {
  package var message: String
  /// The HTTP status that Loki answers with.
  package var status: Int
  /// A block turned out to be damaged while its rows were looked at. It is set aside by now.
  private(set) var isDamage = false

  package init(_ message: String, status: Int = 400) {
    self.message = message
    self.status = status
  }

  /// A query that cannot be parsed.
  package init(_ error: LogQLError) { self.init(error.message) }

  package static let deadlineExceeded = QueryError("context deadline exceeded", status: 504)
  package static let cancelled = QueryError(
    "The request was cancelled by the client.", status: 499)

  static func tooManySeries(_ limit: Int) -> QueryError {
    QueryError(
      "maximum number of series (\(limit)) reached for a single query; consider reducing query "
        + "cardinality by adding more specific stream selectors, reducing the time range, or "
        + "aggregating results with functions like sum(), count() or topk()")
  }

  /// What a scan threw, be it the store's or the visitor's.
  init(scanning error: any Error, _ limits: QueryLimits) {
    switch error {
    case let error as QueryError: self = error
    case let error as LogStoreError where error.code == .cancelled:
      self = limits.isCancelled() ? .cancelled : .deadlineExceeded
    case let error as LogStoreError where error.code == .corrupt:
      self.init(error.message, status: error.status)
      isDamage = true
    case let error as LogStoreError: self.init(error.message, status: error.status)
    default: self.init("the log store failed: \(error)", status: 500)
    }
  }

  /// Narrower questions need fewer samples: the engine then asks for fewer steps at a time.
  static func tooManySamples(_ limit: Int) -> QueryError {
    .tooMuchMemory("more than \(limit) samples")
  }

  static func tooMuchMemory(_ what: String) -> QueryError {
    QueryError("the query would keep \(what) in memory; narrow it in time or by selector")
  }

  /// A row of a metric query whose stages failed.
  static func pipeline(_ error: String, series: String) -> QueryError {
    QueryError(
      "pipeline error: '\(error)' for series: '\(series)'.\n"
        + "Use a label filter to intentionally skip this error. "
        + "(e.g | __error__!=\"\(error)\").\n"
        + "To skip all potential errors you can match empty errors.(e.g __error__=\"\")\n"
        + "The label filter can also be specified after unwrap. "
        + "(e.g | unwrap latency | __error__=\"\" )\n")
  }
}
