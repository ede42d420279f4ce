import CLinux
import Glibc
import Synchronization

/// One open file of the machine.
final class RealFile: File {
  let path: String
  private let descriptor: Int32
  private let isClosed = Atomic(false)

  init(path: String, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit {
    if !isClosed.load(ordering: .relaxed) { _ = Glibc.close(descriptor) }
  }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int
  {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = try uninterrupted("pread", path: path) {
        pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + done)
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
    try writeAll(bytes, "pwrite") { rest, done in
      pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + done)
    }
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    try writeAll(bytes, "write") { rest, _ in
      Glibc.write(descriptor, rest.baseAddress, rest.count)
    }
  }

  private func writeAll(
    _ bytes: UnsafeRawBufferPointer, _ call: String, _ step: (UnsafeRawBufferPointer, Int) -> Int
  ) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let count = try uninterrupted(call, path: path) { step(rest, done) }
      guard count > 0 else { throw SystemError(call: call, path: path, code: EIO) }
      done += count
    }
  }

  func sync(_ mode: SyncMode) throws(SystemError) {
    switch mode {
    case .data: _ = try uninterrupted("fdatasync", path: path) { fdatasync(descriptor) }
    case .full: _ = try uninterrupted("fsync", path: path) { fsync(descriptor) }
    }
  }

  func truncate(to size: Int64) throws(SystemError) {
    _ = try uninterrupted("ftruncate", path: path) { ftruncate(descriptor, off_t(size)) }
  }

  func allocate(to size: Int64) throws(SystemError) {
    do throws(SystemError) {
      _ = try uninterrupted("fallocate", path: path) { linux_allocate(descriptor, size) }
    } catch {
      guard error.code == EOPNOTSUPP || error.code == ENOSYS else { throw error }
      if try self.size() < size { try truncate(to: size) }
    }
  }

  func size() throws(SystemError) -> Int64 { try status().size }

  func status() throws(SystemError) -> FileStatus {
    var raw = stat()
    _ = try uninterrupted("fstat", path: path) { fstat(descriptor, &raw) }
    return FileStatus(raw)
  }

  func close() throws(SystemError) {
    guard !isClosed.exchange(true, ordering: .relaxed) else { return }
    // The descriptor is gone even when the call is interrupted: never made again.
    guard Glibc.close(descriptor) == 0 || errno == EINTR else { throw .last("close", path: path) }
  }
}
