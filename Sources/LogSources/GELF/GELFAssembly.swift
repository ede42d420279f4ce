import Bytes
import Compression
package import LinuxIO

/// Puts GELF messages together from datagrams: chunks (`1e 0f`, an id of 8 bytes, number, count)
/// and compression (zlib or gzip, told by the first bytes).
///
/// Source: Graylog's GELF specification, "Payload Specification" and "Chunking". A message whose
/// chunks do not all come within five seconds is given up, as the specification says. For one
/// thread at a time.
package struct GELFAssembly {
  /// Chunks of one message, at most.
  package static let chunksMax = 128
  /// Bytes of a message once inflated, at most.
  package static let messageBytesMax = 8 << 20
  /// Messages that wait for chunks, at most; the oldest is given up for another.
  private static let waitingMax = 1024
  /// Bytes that their chunks may take together; the oldest is given up for more.
  static let waitingBytesMax = 32 << 20
  private static let waitSeconds = 5.0

  private struct Key: Hashable {
    var peer: SocketAddress
    var id: UInt64
  }

  private struct Partial {
    var chunks: [[UInt8]?]
    var missing: Int
    var bytes = 0
    var began: MonotonicTime
  }

  private var waiting: [Key: Partial] = [:]
  private(set) var waitingBytes = 0
  /// When the oldest message that waits is to be given up.
  private var nextGiveUp = MonotonicTime.distantFuture
  /// Messages that were given up or malformed, since the start.
  package private(set) var faults = 0

  package init() {}

  /// Takes a datagram; gives the message's JSON when it is whole.
  package mutating func take(
    _ datagram: UnsafeRawBufferPointer, from peer: SocketAddress, now: MonotonicTime
  ) -> [UInt8]? {
    giveUp(now)
    guard datagram.count >= 2, datagram[0] == 0x1e, datagram[1] == 0x0f else {
      return inflated([UInt8](datagram))
    }
    guard datagram.count >= 12 else {
      faults += 1
      return nil
    }
    let id = datagram.loadUnaligned(fromByteOffset: 2, as: UInt64.self)
    let (number, count) = (Int(datagram[10]), Int(datagram[11]))
    guard count > 0, count <= Self.chunksMax, number < count else {
      faults += 1
      return nil
    }
    let key = Key(peer: peer.with(port: 0), id: id)
    var partial =
      waiting[key]
      ?? Partial(chunks: Array(repeating: nil, count: count), missing: count, began: now)
    guard partial.chunks.count == count, partial.chunks[number] == nil else { return nil }
    partial.chunks[number] = [UInt8](datagram[12...])
    partial.missing -= 1
    partial.bytes += datagram.count - 12
    remove(key)
    guard partial.missing == 0 else {
      while waiting.count >= Self.waitingMax
        || !waiting.isEmpty && waitingBytes + partial.bytes > Self.waitingBytesMax
      {
        giveUpOldest()
      }
      waiting[key] = partial
      waitingBytes += partial.bytes
      nextGiveUp = min(nextGiveUp, partial.began.adding(seconds: Self.waitSeconds))
      return nil
    }
    var whole: [UInt8] = []
    whole.reserveCapacity(partial.bytes)
    for chunk in partial.chunks { whole += chunk ?? [] }
    return inflated(whole)
  }

  private mutating func remove(_ key: Key) {
    guard let partial = waiting.removeValue(forKey: key) else { return }
    waitingBytes -= partial.bytes
  }

  private mutating func giveUp(_ now: MonotonicTime) {
    guard nextGiveUp <= now else { return }
    for (key, partial) in waiting where now.seconds(since: partial.began) >= Self.waitSeconds {
      remove(key)
      faults += 1
    }
    let oldest = waiting.values.map(\.began).min()
    nextGiveUp = oldest?.adding(seconds: Self.waitSeconds) ?? .distantFuture
  }

  private mutating func giveUpOldest() {
    guard let oldest = waiting.min(by: { $0.value.began < $1.value.began }) else { return }
    remove(oldest.key)
    faults += 1
  }

  private mutating func inflated(_ bytes: [UInt8]) -> [UInt8]? {
    do throws(CompressionError) {
      switch (bytes.first ?? 0, bytes.count > 1 ? bytes[1] : 0) {
      case (0x1f, 0x8b):
        return try Zlib.decompress(bytes, .gzip, bytesMax: Self.messageBytesMax)
      // A zlib header: Deflate, and both bytes together a multiple of 31 (RFC 1950).
      case (let first, let second)
      where first & 0x0f == 8 && (Int(first) << 8 | Int(second)) % 31 == 0:
        return try Zlib.decompress(bytes, .zlib, bytesMax: Self.messageBytesMax)
      default: return bytes
      }
    } catch {
      faults += 1
      return nil
    }
  }
}
