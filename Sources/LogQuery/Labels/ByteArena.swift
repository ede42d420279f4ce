/// Memory for the values that one row's stages make; all of it is given back at once.
///
/// What it hands out stays where it is until ``reset()``. Not for several threads.
final class ByteArena {
  private var chunks: [UnsafeMutableRawBufferPointer] = []
  private var current = 0
  private var used = 0
  private static let chunkBytes = 1 << 16
  private static let keptBytesMax = 1 << 20

  deinit { for chunk in chunks { chunk.deallocate() } }

  /// Takes everything back that was handed out.
  func reset() {
    if chunks.count > 1 {
      var kept = 0
      chunks.removeAll { chunk in
        kept += chunk.count
        guard kept > ByteArena.keptBytesMax else { return false }
        chunk.deallocate()
        return true
      }
    }
    current = 0
    used = 0
  }

  /// Room for `count` bytes, with anything in them.
  func take(_ count: Int) -> UnsafeMutableRawBufferPointer {
    while current < chunks.count {
      let chunk = chunks[current]
      if chunk.count - used >= count {
        defer { used += count }
        return UnsafeMutableRawBufferPointer(rebasing: chunk[used..<(used + count)])
      }
      current += 1
      used = 0
    }
    let size = max(ByteArena.chunkBytes, count)
    chunks.append(UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16))
    used = count
    return UnsafeMutableRawBufferPointer(rebasing: chunks[current][0..<count])
  }

  func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let room = take(bytes.count)
    room.copyMemory(from: bytes)
    return UnsafeRawBufferPointer(room)
  }

  func copy(_ text: String) -> UnsafeRawBufferPointer {
    var text = text
    return text.withUTF8 { copy(UnsafeRawBufferPointer($0)) }
  }

  func copy(_ bytes: [UInt8]) -> UnsafeRawBufferPointer {
    bytes.withUnsafeBytes { copy($0) }
  }
}
