import CSnappy

/// Snappy's block format (google/snappy format_description.txt), as Loki's push bodies use it.
package enum Snappy {
  package static func compress(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: snappy_max_compressed_length(bytes.count)) { out, count in
      var written = out.count
      let status = snappy_compress(
        bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count,
        UnsafeMutableRawPointer(out.baseAddress)?.assumingMemoryBound(to: CChar.self), &written)
      precondition(status == SNAPPY_OK, "the buffer has snappy's own greatest length")
      count = written
    }
  }

  package static func compress(_ bytes: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBytes { compress($0) }
  }

  /// The stated length is checked against `bytesMax` before anything is reserved.
  package static func decompress(_ bytes: UnsafeRawBufferPointer, bytesMax: Int)
    throws(CompressionError) -> [UInt8]
  {
    var length = 0
    let input = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    guard snappy_uncompressed_length(input, bytes.count, &length) == SNAPPY_OK else {
      throw .corrupt(format: "snappy")
    }
    guard length <= bytesMax else { throw .tooLarge(bytesMax: bytesMax) }
    // No block grows by more than this; a header that promises more is a lie.
    guard length <= bytes.count * 64 + 64 else { throw .corrupt(format: "snappy") }
    guard length > 0 else { return [] }
    var status = SNAPPY_OK
    let out = [UInt8](unsafeUninitializedCapacity: length) { out, count in
      var written = out.count
      status = snappy_uncompress(
        input, bytes.count,
        UnsafeMutableRawPointer(out.baseAddress)?.assumingMemoryBound(to: CChar.self), &written)
      count = status == SNAPPY_OK ? written : 0
    }
    guard status == SNAPPY_OK else { throw .corrupt(format: "snappy") }
    return out
  }

  /// How many bytes the header promises, or nil when it is no header. It may lie.
  package static func statedLength(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var length = 0
    let input = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    guard snappy_uncompressed_length(input, bytes.count, &length) == SNAPPY_OK else { return nil }
    return length
  }

  package static func decompress(_ bytes: [UInt8], bytesMax: Int) throws(CompressionError)
    -> [UInt8]
  {
    var result: Result<[UInt8], CompressionError> = .success([])
    bytes.withUnsafeBytes { input in
      do throws(CompressionError) {
        result = .success(try decompress(input, bytesMax: bytesMax))
      } catch { result = .failure(error) }
    }
    return try result.get()
  }
}
