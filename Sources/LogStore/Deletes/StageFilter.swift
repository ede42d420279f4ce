package import LogQL
import Synchronization
package import TelemetryModel

/// Says which rows pass a query's stages; made for one thread.
package protocol StageFilter {
  /// Whether a row passes; its line as it was stored.
  mutating func passes(
    line: UnsafeRawBufferPointer, at timestamp: Timestamp, stream: StreamReference,
    metadata: [Label]
  ) -> Bool
}

/// How stages become filters. The store keeps requests to delete rows by any stages, and what
/// stages mean is known above it: the program gives it once, before it opens a store.
package enum StageFilters {
  /// Throws ``LogQLError`` for stages that cannot be made.
  package typealias Maker = @Sendable ([Stage]) throws(LogQLError) -> any StageFilter

  private static let maker = Mutex<Maker?>(nil)

  package static func register(_ make: @escaping Maker) { maker.withLock { $0 = make } }

  /// Throws ``LogStoreError/Code/badQuery`` for stages that cannot be made, or where nothing was
  /// registered.
  static func make(_ stages: [Stage]) throws(LogStoreError) -> any StageFilter {
    guard let make = maker.withLock({ $0 }) else {
      throw LogStoreError(
        .badQuery, "the delete request has stages, which this program does not evaluate")
    }
    do throws(LogQLError) {
      return try make(stages)
    } catch { throw LogStoreError(.badQuery, error.message) }
  }
}
