import Bytes
import Compression

/// Unsigned integers as byte planes: all lowest bytes, then all second bytes and so on, each
/// column then compressed. Planes that are zero everywhere are not kept.
///
///     width: 1 byte, 0 to 8 | kind: 1 byte | length: varint | bytes of the planes
///
/// `kind` is 0 for planes as they are and 1 for a zstd frame. The count of values is not stored.
enum IntegerColumn {
  static func append(_ values: [UInt64], to out: inout [UInt8]) {
    let all = values.reduce(0, |)
    let width = (64 - all.leadingZeroBitCount + 7) / 8
    out.append(UInt8(width))
    let count = values.count
    let planes = [UInt8](unsafeUninitializedCapacity: count * width) { planes, filled in
      for plane in 0..<width {
        let shift = UInt64(plane * 8)
        let base = plane * count
        for index in 0..<count {
          planes[base + index] = UInt8(truncatingIfNeeded: values[index] >> shift)
        }
      }
      filled = count * width
    }
    CompressedBytes.append(planes, to: &out)
  }

  /// The `count` values that `append` wrote. Throws when the bytes are not of such a column.
  static func read(count: Int, _ reader: inout BlockReader) throws(LogStoreError) -> [UInt64] {
    let width = Int(try reader.byte())
    guard width <= 8 else {
      throw BlockReader.malformed("an integer column is \(width) bytes wide")
    }
    let planes = try CompressedBytes.read(count: count * width, &reader)
    return [UInt64](unsafeUninitializedCapacity: count) { values, filled in
      BytePlanes.join(
        planes, width: width, into: UnsafeMutableBufferPointer(rebasing: values[..<count]))
      filled = count
    }
  }
}

/// Bytes that are kept compressed where that saves: `kind: 1 byte | length: varint | bytes`.
enum CompressedBytes {
  static func append(_ bytes: [UInt8], level: Int32 = 1, to out: inout [UInt8]) {
    let packed = bytes.count < 64 ? [] : Zstd.compress(bytes, level: level)
    let isPacked = !packed.isEmpty && packed.count < bytes.count
    let kept = isPacked ? packed : bytes
    out.append(isPacked ? 1 : 0)
    out.appendVarint(UInt64(kept.count))
    out.append(contentsOf: kept)
  }

  /// Exactly `count` bytes, or an error.
  static func read(count: Int, _ reader: inout BlockReader) throws(LogStoreError) -> [UInt8] {
    let kind = try reader.byte()
    let slice = try reader.bytes(try reader.count())
    let bytes: [UInt8]
    switch kind {
    case 0: bytes = Array(slice)
    case 1:
      do throws(CompressionError) {
        bytes = try Zstd.decompress(slice, bytesMax: count)
      } catch { throw BlockReader.malformed("a zstd frame does not inflate (\(error))") }
    default: throw BlockReader.malformed("a column has the unknown kind \(kind)")
    }
    guard bytes.count == count else {
      throw BlockReader.malformed("a column has \(bytes.count) bytes instead of \(count)")
    }
    return bytes
  }
}
