import CLinux

/// CRC32C (Castagnoli, RFC 3720 appendix B.4), in hardware where the machine has it.
package enum CRC32C {
  /// The checksum of `bytes`, continued from `previous` (0 to begin).
  package static func checksum(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32 = 0)
    -> UInt32
  {
    linux_crc32c(previous, bytes.baseAddress, bytes.count)
  }

  package static func checksum(_ bytes: [UInt8], continuing previous: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes { checksum($0, continuing: previous) }
  }

  /// The same by table alone; for tests of machines without the instruction.
  package static func plainChecksum(_ bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBytes { linux_crc32c_plain(0, $0.baseAddress, $0.count) }
  }
}

/// XXH3, 64 bits (xxHash 0.8): hash tables, page checksums, fingerprints; not for secrets.
package enum XXH3 {
  package static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    linux_xxh3(bytes.baseAddress, bytes.count, seed)
  }

  package static func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
    bytes.withUnsafeBytes { hash($0, seed: seed) }
  }

  package static func hash(_ text: String, seed: UInt64 = 0) -> UInt64 {
    var text = text
    return text.withUTF8 { hash(UnsafeRawBufferPointer($0), seed: seed) }
  }
}

/// XXH64 (xxHash 0.8): for hashes that others compute too, such as Prometheus's of labels.
package enum XXH64 {
  package static func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
    bytes.withUnsafeBytes { linux_xxh64($0.baseAddress, $0.count, seed) }
  }
}
