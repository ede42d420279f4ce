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
    for trace in traces {
      for bit in bits(of: trace) { words[bit / 64] |= 1 << UInt64(bit % 64) }
    }
  }

  /// nil for no words.
  init?(words: [UInt64]) {
    guard !words.isEmpty else { return nil }
    self.words = words
  }

  func mayContain(_ trace: TraceID) -> Bool {
    bits(of: trace).allSatisfy { words[$0 / 64] & (1 << UInt64($0 % 64)) != 0 }
  }

  private func bits(of trace: TraceID) -> [Int] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(trace.high)
    bytes.appendBigEndian(trace.low)
    let first = XXH3.hash(bytes)
    let second = XXH3.hash(bytes, seed: 1) | 1
    let size = UInt64(words.count * 64)
    return (0..<Self.probes).map { Int((first &+ $0 &* second) % size) }
  }
}
