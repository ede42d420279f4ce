import Bytes

/// The hash of a stretch of a file whose bytes do not change while the file only grows.
///
/// Of no bytes it matches every file: nothing is known of it yet.
package struct FileFingerprint: Hashable, Sendable, BitwiseCopyable {
  /// Bytes at a file's start that identify it, at most.
  package static let headBytesMax = 1024
  /// Bytes before the read position that must be there again at the next read, at most.
  package static let tailBytesMax = 256

  package var length: Int32
  package var hash: UInt64

  package static let none = FileFingerprint(length: 0, hash: 0)

  init(length: Int32, hash: UInt64) {
    self.length = length
    self.hash = hash
  }

  package init(_ bytes: UnsafeRawBufferPointer) {
    length = Int32(bytes.count)
    hash = bytes.isEmpty ? 0 : XXH3.hash(bytes)
  }

  /// Whether `bytes` begins with the fingerprinted stretch.
  package func matches(prefixOf bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= Int(length) else { return false }
    return self == FileFingerprint(UnsafeRawBufferPointer(rebasing: bytes[..<Int(length)]))
  }
}

/// A file within its mounted file system; reused by the kernel once the file is gone.
package struct FileIdentity: Hashable, Sendable, BitwiseCopyable {
  package var device: UInt64
  package var inode: UInt64

  package init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }
}
