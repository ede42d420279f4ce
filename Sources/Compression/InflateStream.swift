import CBZip2
import CZlib

/// Inflates a stream piece by piece: gzip or zlib by zlib, bzip2 by libbz2. Members that follow
/// one another are one stream. For one thread at a time.
package final class InflateStream {
  package enum Format: String, CaseIterable, Hashable, Sendable {
    case gzip, zlib, bzip2
  }

  /// What one call moved.
  package struct Step: Hashable, Sendable {
    package var consumed: Int
    package var produced: Int
  }

  private let format: Format
  private let zlib: UnsafeMutablePointer<z_stream>
  private let bzip2: UnsafeMutablePointer<bz_stream>
  private var isOpen = false

  /// Throws ``CompressionError/failed(format:)`` where the library has no memory.
  package init(_ format: Format) throws(CompressionError) {
    self.format = format
    zlib = .allocate(capacity: 1)
    zlib.initialize(to: z_stream())
    bzip2 = .allocate(capacity: 1)
    bzip2.initialize(to: bz_stream())
    try begin()
  }

  deinit {
    end()
    zlib.deallocate()
    bzip2.deallocate()
  }

  private func begin() throws(CompressionError) {
    switch format {
    case .gzip, .zlib:
      let window = format == .gzip ? Zlib.Format.gzip : .zlib
      guard
        inflateInit2_(
          zlib, window.rawValue, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
      else { throw .failed(format: format.rawValue) }
    case .bzip2:
      guard BZ2_bzDecompressInit(bzip2, 0, 0) == BZ_OK else {
        throw .failed(format: format.rawValue)
      }
    }
    isOpen = true
  }

  private func end() {
    guard isOpen else { return }
    isOpen = false
    switch format {
    case .gzip, .zlib: inflateEnd(zlib)
    case .bzip2: BZ2_bzDecompressEnd(bzip2)
    }
  }

  /// Inflates what fits; with nothing moved it needs more input.
  ///
  /// Throws ``CompressionError/corrupt(format:)``.
  package func inflate(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) -> Step {
    guard !input.isEmpty, !output.isEmpty else { return Step(consumed: 0, produced: 0) }
    if !isOpen { try begin() }
    let inputCount = UInt32(clamping: input.count)
    let outputCount = UInt32(clamping: output.count)
    // The libraries do not write to their input.
    let from = UnsafeMutableRawPointer(mutating: input.baseAddress)
    let isEnd: Bool
    let step: Step
    switch format {
    case .gzip, .zlib:
      zlib.pointee.next_in = from?.assumingMemoryBound(to: UInt8.self)
      zlib.pointee.avail_in = inputCount
      zlib.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
      zlib.pointee.avail_out = outputCount
      let status = CZlib.inflate(zlib, Z_NO_FLUSH)
      guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
        throw .corrupt(format: format.rawValue)
      }
      isEnd = status == Z_STREAM_END
      step = Step(
        consumed: Int(inputCount - zlib.pointee.avail_in),
        produced: Int(outputCount - zlib.pointee.avail_out))
    case .bzip2:
      bzip2.pointee.next_in = from?.assumingMemoryBound(to: CChar.self)
      bzip2.pointee.avail_in = inputCount
      bzip2.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: CChar.self)
      bzip2.pointee.avail_out = outputCount
      let status = BZ2_bzDecompress(bzip2)
      guard status == BZ_OK || status == BZ_STREAM_END else {
        throw .corrupt(format: format.rawValue)
      }
      isEnd = status == BZ_STREAM_END
      step = Step(
        consumed: Int(inputCount - bzip2.pointee.avail_in),
        produced: Int(outputCount - bzip2.pointee.avail_out))
    }
    if isEnd { end() }
    return step
  }
}
