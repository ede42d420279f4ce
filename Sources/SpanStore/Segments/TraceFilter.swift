import Bytes
import TelemetryModel

/// A Bloom filter over trace ids: says that a block surely does not hold a trace.
///
/// 10 bits a trace and 7 probes: one block in a hundred is read in vain (Bloom 1970; double hashing
/// of Kirsch and Mitzenmacher 2006).
struct TraceFilter: Sendable {
  private static let probes: UInt64 = 7
  private static let bitsPerTrace = 10
  private(set) var words: [UInt64]

  init(_ traces: some Collection<TraceID>) {
    words = [UInt64](repeating: 0, count: max(1, (traces.count * Self.bitsPerTrace + 63) / 64))
    let size = UInt64(words.count * 64)
    for trace in traces {
      let (first, second) = Self.hashes(of: trace)
      for probe in 0..<Self.probes {
        let bit = Int((first &+ probe &* second) % size)
        words[bit / 64] |= 1 << UInt64(bit % 64)
      }
    }
  }

  /// nil for no words.
  init?(words: [UInt64]) {
    guard !words.isEmpty else { return nil }
    self.words = words
  }

  func mayContain(_ trace: TraceID) -> Bool {
    let (first, second) = Self.hashes(of: trace)
    let size = UInt64(words.count * 64)
    for probe in 0..<Self.probes {
      let bit = Int((first &+ probe &* second) % size)
      if words[bit / 64] & (1 << UInt64(bit % 64)) == 0 { return false }
    }
    return true
  }

  private static func hashes(of trace: TraceID) -> (UInt64, UInt64) {
    var bytes = (trace.high.bigEndian, trace.low.bigEndian)
    return withUnsafeBytes(of: &bytes) { (XXH3.hash($0), XXH3.hash($0, seed: 1) | 1) }
  }
}
