import CLinux
import Glibc

extension RealFileSystem {
  /// All bytes of anything that can be read: a file, a pipe, a file of `/proc` that has no size.
  ///
  /// Fails with `EFBIG` above `bytesMax`. Blocks until the other side of a pipe closes it.
  package func readToEnd(_ path: String, bytesMax: Int) throws(SystemError) -> [UInt8] {
    let file = Descriptor(
      owning: try uninterrupted("open", path: path) { linux_open(path, O_RDONLY, 0) })
    var out: [UInt8] = []
    while true {
      let known = out.count
      let room = min(max(known, 1 << 16), 1 << 24)
      out.append(contentsOf: repeatElement(0, count: room))
      let count = try uninterrupted("read", path: path) {
        out.withUnsafeMutableBytes { bytes in
          read(file.number, bytes.baseAddress?.advanced(by: known), room)
        }
      }
      out.removeLast(room - count)
      if count == 0 { return out }
      guard out.count <= bytesMax else {
        throw SystemError(call: "read", path: path, code: SystemError.fileTooLarge)
      }
    }
  }

  /// Puts `bytes` in place of a file's content, or behind it; the file is made if it is absent.
  /// Pipes and terminals are written to as they are. Not synced.
  package func writeWhole(_ path: String, _ bytes: [UInt8], appending: Bool = false)
    throws(SystemError)
  {
    let flags = O_WRONLY | O_CREAT | (appending ? O_APPEND : O_TRUNC)
    let file = Descriptor(
      owning: try uninterrupted("open", path: path) { linux_open(path, flags, 0o640) })
    var done = 0
    while done < bytes.count {
      done += try uninterrupted("write", path: path) {
        bytes.withUnsafeBytes { buffer in
          write(file.number, buffer.baseAddress?.advanced(by: done), bytes.count - done)
        }
      }
    }
  }

  /// Removes a folder with all it holds, or a file; symbolic links are not followed.
  package func removeTree(_ path: String) throws(SystemError) {
    var raw = stat()
    _ = try uninterrupted("lstat", path: path) { lstat(path, &raw) }
    guard raw.st_mode & S_IFMT == S_IFDIR else { return try remove(path) }
    for name in try list(path) { try removeTree("\(path)/\(name)") }
    try removeFolder(path)
  }
}
