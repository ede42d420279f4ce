import CZstd

/// Zstandard frames (RFC 8878).
package enum Zstd {
  /// One frame that states its content's size. Levels 1 to 19; 1 where nothing argues for more.
  package static func compress(_ bytes: UnsafeRawBufferPointer, level: Int32 = 1) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { out, count in
      let pooled = ZstdContexts.withCompressing { context in
        ZSTD_compressCCtx(
          context, out.baseAddress, out.count, bytes.baseAddress, bytes.count, level)
      }
      let written =
        pooled
        ?? ZSTD_compress(out.baseAddress, out.count, bytes.baseAddress, bytes.count, level)
      precondition(ZSTD_isError(written) == 0, "the buffer has zstd's own greatest length")
      count = written
    }
  }

  package static func compress(_ bytes: [UInt8], level: Int32 = 1) -> [UInt8] {
    bytes.withUnsafeBytes { compress($0, level: level) }
  }

  /// Inflates all frames; frames that do not state their size are inflated in steps.
  package static func decompress(_ bytes: UnsafeRawBufferPointer, bytesMax: Int)
    throws(CompressionError) -> [UInt8]
  {
    let stated = ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count)
    guard stated != UInt64.max - 1 else { throw .corrupt(format: "zstd") }
    if stated != UInt64.max, stated > UInt64(bytesMax) { throw .tooLarge(bytesMax: bytesMax) }
    // One frame of a plausible stated size, the usual case: in one step into its own array.
    if stated != UInt64.max, stated > 0, stated <= UInt64(bytes.count * 256 + 4096),
      ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count) == bytes.count
    {
      return try decompressFrame(bytes, Int(stated))
    }
    guard let stream = ZSTD_createDCtx() else { throw .failed(format: "zstd") }
    defer { ZSTD_freeDCtx(stream) }
    var out: [UInt8] = []
    var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
    // A header may promise much and hold little: begin small and grow with what comes.
    let promised = stated == UInt64.max ? 1 << 16 : Int(stated)
    var capacity = max(1, min(promised, bytes.count * 64 + 4096))
    var left = 1
    while left != 0 || input.pos < input.size {
      let room = min(capacity, bytesMax - out.count + 1)
      var produced = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
        var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
        left = ZSTD_decompressStream(stream, &output, &input)
        produced = output.pos
        count = ZSTD_isError(left) == 0 ? produced : 0
      }
      guard ZSTD_isError(left) == 0 else { throw .corrupt(format: "zstd") }
      if out.isEmpty { out = chunk } else { out += chunk }
      guard out.count <= bytesMax else { throw .tooLarge(bytesMax: bytesMax) }
      if produced == 0, input.pos == input.size, left != 0 { throw .corrupt(format: "zstd") }
      capacity = 1 << 18
    }
    return out
  }

  /// Inflates into memory of just the size that comes out; throws
  /// ``CompressionError/corrupt(format:)`` where more or less does.
  package static func decompress(
    _ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer
  ) throws(CompressionError) {
    let written = ZstdContexts.withInflating { context in
      ZSTD_decompressDCtx(context, out.baseAddress, out.count, bytes.baseAddress, bytes.count)
    }
    guard written == out.count else { throw .corrupt(format: "zstd") }
  }

  private static func decompressFrame(_ bytes: UnsafeRawBufferPointer, _ count: Int)
    throws(CompressionError) -> [UInt8]
  {
    var written = 0
    let out = [UInt8](unsafeUninitializedCapacity: count) { out, filled in
      written =
        ZstdContexts.withInflating { context in
          ZSTD_decompressDCtx(context, out.baseAddress, out.count, bytes.baseAddress, bytes.count)
        } ?? 0
      filled = ZSTD_isError(written) == 0 ? written : 0
    }
    guard written == count else { throw .corrupt(format: "zstd") }
    return out
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
