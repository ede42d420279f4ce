import Bytes
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

/// Compresses a block whose bytes come in pieces, without ever having all of them in one place.
///
/// The input is taken in fragments of 64 KiB, each compressed by itself.
package struct SnappyBlockWriter {
  private static let fragmentBytes = SnappyFragmentEncoder.bytesMax

  private var out: [UInt8] = []
  /// Less than a fragment.
  private var pending: [UInt8] = []
  /// Where a fragment is compressed to.
  private var packed = [UInt8](
    repeating: 0,
    count: SnappyFragmentEncoder.compressedBytesMax(SnappyBlockWriter.fragmentBytes))
  private var encoder = SnappyFragmentEncoder()
  private var rest: Int

  /// `byteCount` bytes must come, no more and no less.
  package init(byteCount: Int) {
    rest = byteCount
    out.reserveCapacity(byteCount / 3)
    pending.reserveCapacity(min(byteCount, Self.fragmentBytes))
    out.appendVarint(UInt64(byteCount))
  }

  package mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count <= rest, "what comes is as long as was said")
    rest -= bytes.count
    var at = 0
    if !pending.isEmpty {
      at = min(bytes.count, Self.fragmentBytes - pending.count)
      pending.append(contentsOf: bytes[..<at])
      guard pending.count == Self.fragmentBytes else { return }
      flush()
    }
    while bytes.count - at >= Self.fragmentBytes {
      compress(UnsafeRawBufferPointer(rebasing: bytes[at..<at + Self.fragmentBytes]))
      at += Self.fragmentBytes
    }
    pending.append(contentsOf: bytes[at...])
  }

  /// The block; nothing may follow.
  package mutating func finish() -> [UInt8] {
    precondition(rest == 0, "what comes is as long as was said")
    if !pending.isEmpty { flush() }
    // Bodies wait for a while: without the room that growing left.
    return out.capacity - out.count < out.count / 4 ? out : out.withUnsafeBytes { [UInt8]($0) }
  }

  private mutating func flush() {
    var whole: [UInt8] = []
    swap(&whole, &pending)
    whole.withUnsafeBytes { compress($0) }
    whole.removeAll(keepingCapacity: true)
    swap(&whole, &pending)
  }

  private mutating func compress(_ fragment: UnsafeRawBufferPointer) {
    let written = packed.withUnsafeMutableBytes { encoder.compress(fragment, to: $0) }
    packed.withUnsafeBytes {
      out.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[..<written]))
    }
  }
}
