import Bytes
import TelemetryModel

/// Chooses a part of all traces by their ids: every span of a trace, or none.
///
/// The same trace is chosen by every process with the same part, and by every larger part.
struct TraceSampler {
  private let bound: UInt64

  /// - Parameter part: from 0 to 1.
  init(part: Double) {
    bound = part >= 1 ? .max : UInt64(max(0, part) * 0x1p64.nextDown)
  }

  func takes(_ id: TraceID) -> Bool {
    if bound == .max { return true }
    var bytes: [UInt8] = []
    bytes.appendBigEndian(id.high)
    bytes.appendBigEndian(id.low)
    return XXH3.hash(bytes) < bound
  }

  /// The spans of the chosen traces; what is empty then is left out.
  func sample(_ batches: [ResourceSpans]) -> [ResourceSpans] {
    if bound == .max { return batches }
    return batches.compactMap { batch in
      var batch = batch
      batch.scopes = batch.scopes.compactMap { group in
        var group = group
        group.spans.removeAll { !takes($0.traceID) }
        return group.spans.isEmpty ? nil : group
      }
      return batch.scopes.isEmpty ? nil : batch
    }
  }
}
