import CLinux
import Glibc
import Synchronization

/// The machine's own files.
package struct RealFileSystem: FileSystem {
  package init() {}

  package func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> any File {
    let flags: Int32 =
      switch mode {
      case .read: O_RDONLY
      case .create: O_RDWR | O_CREAT | O_EXCL
      case .readWrite: O_RDWR | O_CREAT
      case .append: O_RDWR | O_CREAT | O_APPEND
      }
    let descriptor = try uninterrupted("open", path: path) { linux_open(path, flags, 0o640) }
    return RealFile(path: path, descriptor: descriptor)
  }

  package func createFolder(_ path: String) throws(SystemError) {
    do throws(SystemError) {
      _ = try uninterrupted("mkdir", path: path) { mkdir(path, 0o750) }
    } catch {
      guard error.code == EEXIST, try status(path)?.kind == .folder else { throw error }
    }
  }

  package func list(_ path: String) throws(SystemError) -> [String] {
    guard let folder = opendir(path) else { throw .last("opendir", path: path) }
    defer { closedir(folder) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(folder) else {
        let code = errno
        guard code == 0 else { throw SystemError(call: "readdir", path: path, code: code) }
        return names
      }
      let length = Int(entry.pointee.d_reclen) - (MemoryLayout<dirent>.offset(of: \.d_name) ?? 19)
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix(max(0, length)).prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
  }

  package func status(_ path: String) throws(SystemError) -> FileStatus? {
    var raw = stat()
    do throws(SystemError) {
      _ = try uninterrupted("stat", path: path) { stat(path, &raw) }
    } catch {
      if error.code == ENOENT || error.code == ENOTDIR { return nil }
      throw error
    }
    return FileStatus(raw)
  }

  package func rename(_ path: String, to newPath: String) throws(SystemError) {
    _ = try uninterrupted("rename", path: path) { Glibc.rename(path, newPath) }
  }

  package func remove(_ path: String) throws(SystemError) {
    _ = try uninterrupted("unlink", path: path) { unlink(path) }
  }

  package func removeFolder(_ path: String) throws(SystemError) {
    _ = try uninterrupted("rmdir", path: path) { rmdir(path) }
  }

  package func link(_ path: String, to newPath: String) throws(SystemError) {
    _ = try uninterrupted("link", path: newPath) { Glibc.link(path, newPath) }
  }

  package func syncFolder(_ path: String) throws(SystemError) {
    let folder = Descriptor(
      owning: try uninterrupted("open", path: path) {
        linux_open(path, O_RDONLY | O_DIRECTORY, 0)
      })
    _ = try uninterrupted("fsync", path: path) { fsync(folder.number) }
  }

  package func freeSpace(_ path: String) throws(SystemError) -> FreeSpace {
    var raw = statvfs()
    _ = try uninterrupted("statvfs", path: path) { statvfs(path, &raw) }
    let unit = UInt64(raw.f_frsize)
    return FreeSpace(
      available: Int64(clamping: UInt64(raw.f_bavail).multipliedReportingOverflow(by: unit).0),
      total: Int64(clamping: UInt64(raw.f_blocks).multipliedReportingOverflow(by: unit).0))
  }

  package func lockFile(_ path: String) throws(SystemError) -> LockOutcome {
    let descriptor = try uninterrupted("open", path: path) {
      linux_open(path, O_RDWR | O_CREAT, 0o640)
    }
    let file = RealFile(path: path, descriptor: descriptor)
    do throws(SystemError) {
      _ = try uninterrupted("flock", path: path) { flock(descriptor, LOCK_EX | LOCK_NB) }
    } catch {
      guard error.code == EWOULDBLOCK else { throw error }
      let text = String(decoding: try file.readBytes(at: 0, count: 32), as: UTF8.self)
      return .heldBy(processID: Int32(text.prefix { $0.isNumber }))
    }
    try file.truncate(to: 0)
    try file.write(Array("\(getpid())\n".utf8), at: 0)
    return .locked(RealFileLock(file))
  }
}

/// An flock(2) lock; the kernel gives it back when the process ends.
private final class RealFileLock: FileLock {
  private let file: Mutex<RealFile?>

  init(_ file: RealFile) { self.file = Mutex(file) }

  func release() { file.withLock { $0 = nil } }
}

extension FileStatus {
  init(_ raw: stat) {
    let kind: FileKind =
      switch raw.st_mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .folder
      case S_IFLNK: .symbolicLink
      default: .other
      }
    self.init(
      kind: kind, device: UInt64(raw.st_dev), inode: UInt64(raw.st_ino), size: Int64(raw.st_size),
      linkCount: UInt64(raw.st_nlink), modifiedNanoseconds: Self.nanoseconds(raw.st_mtim),
      changedNanoseconds: Self.nanoseconds(raw.st_ctim))
  }

  private static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
