import CZlib

/// The formats around Deflate: gzip (RFC 1952), zlib (RFC 1950) and bare (RFC 1951).
package enum Zlib {
  package enum Format: Int32, Sendable {
    case gzip = 31
    case zlib = 15
    case raw = -15
    /// On input alone: gzip or zlib, told apart by the header.
    case gzipOrZlib = 47
  }

  package static func compress(_ bytes: [UInt8], _ format: Format = .gzip, level: Int32 = 6)
    throws(CompressionError) -> [UInt8]
  {
    var stream = z_stream()
    guard
      deflateInit2_(
        &stream, level, Z_DEFLATED, format.rawValue, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw .failed(format: "zlib") }
    defer { deflateEnd(&stream) }
    var input = bytes
    let bound = Int(deflateBound(&stream, UInt(bytes.count)))
    var status = Z_OK
    let out = input.withUnsafeMutableBufferPointer { from in
      stream.next_in = from.baseAddress
      stream.avail_in = UInt32(from.count)
      return [UInt8](unsafeUninitializedCapacity: bound) { to, count in
        stream.next_out = to.baseAddress
        stream.avail_out = UInt32(to.count)
        status = deflate(&stream, Z_FINISH)
        count = to.count - Int(stream.avail_out)
      }
    }
    guard status == Z_STREAM_END else { throw .failed(format: "zlib") }
    return out
  }

  /// Inflates all members; stops with ``CompressionError/tooLarge(bytesMax:)`` at the limit.
  package static func decompress(_ bytes: [UInt8], _ format: Format, bytesMax: Int)
    throws(CompressionError) -> [UInt8]
  {
    let name = format == .gzip ? "gzip" : "deflate"
    guard !bytes.isEmpty else { throw .corrupt(format: name) }
    var stream = z_stream()
    guard
      inflateInit2_(
        &stream, format.rawValue, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw .failed(format: name) }
    defer { inflateEnd(&stream) }
    var input = bytes
    var out: [UInt8] = []
    var failure: CompressionError?
    input.withUnsafeMutableBufferPointer { from in
      stream.next_in = from.baseAddress
      stream.avail_in = UInt32(from.count)
      while failure == nil {
        var status = Z_OK
        let room = max(1, min(max(4096, out.count), bytesMax - out.count + 1, 1 << 22))
        let chunk = [UInt8](unsafeUninitializedCapacity: room) { to, count in
          stream.next_out = to.baseAddress
          stream.avail_out = UInt32(to.count)
          status = inflate(&stream, Z_NO_FLUSH)
          count = to.count - Int(stream.avail_out)
        }
        out += chunk
        if out.count > bytesMax {
          failure = .tooLarge(bytesMax: bytesMax)
        } else if status == Z_STREAM_END {
          if stream.avail_in == 0 { break }
          guard format == .gzip, inflateReset(&stream) == Z_OK else {
            failure = .corrupt(format: name)
            break
          }
        } else if status != Z_OK || (chunk.isEmpty && stream.avail_in == 0) {
          failure = .corrupt(format: name)
        }
      }
    }
    if let failure { throw failure }
    return out
  }
}
