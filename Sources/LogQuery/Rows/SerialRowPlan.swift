package import LogStore
import Synchronization

/// A scan that one thread runs; others that take part find nothing left.
package final class SerialRowPlan: LogRowPlan {
  package typealias Visitor = (LogRows) throws -> ScanStep

  private let size: @Sendable () throws -> Int
  private let body: @Sendable (Visitor) throws -> ScanStatistics
  private let isTaken = Atomic(false)

  package init(
    lineBytes: @escaping @Sendable () throws -> Int,
    _ body: @escaping @Sendable (Visitor) throws -> ScanStatistics
  ) {
    size = lineBytes
    self.body = body
  }

  package var lineBytes: Int { get throws { try size() } }

  package var workersMax: Int { 1 }

  package func run(_ visit: Visitor) throws -> ScanStatistics {
    guard !isTaken.exchange(true, ordering: .relaxed) else { return ScanStatistics() }
    return try body(visit)
  }
}
