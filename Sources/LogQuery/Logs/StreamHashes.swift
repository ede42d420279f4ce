import Bytes
import LogStore
import TelemetryModel

/// The hashes of streams' labels, each computed once.
struct StreamHashes {
  private var known: [StreamReference: UInt64] = [:]

  mutating func hash(of stream: StreamReference) -> UInt64 {
    if let hash = known[stream] { return hash }
    let hash = stream.labels.stableHash
    known[stream] = hash
    return hash
  }
}

extension Labels {
  /// Prometheus's `StableHash`: XXH64 over names and values, each followed by 0xFF.
  package var stableHash: UInt64 {
    var bytes: [UInt8] = []
    for label in sorted {
      bytes += label.name.utf8
      bytes.append(0xff)
      bytes += label.value.utf8
      bytes.append(0xff)
    }
    return XXH64.hash(bytes)
  }
}
