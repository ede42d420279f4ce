import LinuxIO
import Synchronization

/// The real files, with something else happening just before a call on one of them, or a look at
/// its name.
final class InterposedFileSystem: FileSystem {
  enum Call: Hashable, Sendable { case look, open, read, size, status }

  typealias Interposition = @Sendable (Call, String) -> SystemError?

  private let base = RealFileSystem()
  private let interposition = Mutex<Interposition?>(nil)

  /// `body` gets each call on a file with its path, and can make it fail; nil for none.
  func interpose(_ body: Interposition?) { interposition.withLock { $0 = body } }

  fileprivate func before(_ call: Call, _ path: String) throws(SystemError) {
    let body = interposition.withLock { $0 }
    if let error = body?(call, path) { throw error }
  }

  func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> any File {
    try before(.open, path)
    return InterposedFile(try base.open(path, mode), self)
  }
  func status(_ path: String) throws(SystemError) -> FileStatus? {
    try before(.look, path)
    return try base.status(path)
  }
  func createFolder(_ path: String) throws(SystemError) { try base.createFolder(path) }
  func list(_ path: String) throws(SystemError) -> [String] { try base.list(path) }
  func rename(_ path: String, to newPath: String) throws(SystemError) {
    try base.rename(path, to: newPath)
  }
  func remove(_ path: String) throws(SystemError) { try base.remove(path) }
  func removeFolder(_ path: String) throws(SystemError) { try base.removeFolder(path) }
  func link(_ path: String, to newPath: String) throws(SystemError) {
    try base.link(path, to: newPath)
  }
  func syncFolder(_ path: String) throws(SystemError) { try base.syncFolder(path) }
  func freeSpace(_ path: String) throws(SystemError) -> FreeSpace { try base.freeSpace(path) }
  func lockFile(_ path: String) throws(SystemError) -> LockOutcome { try base.lockFile(path) }
}

private final class InterposedFile: File {
  private let base: any File
  private let system: InterposedFileSystem

  init(_ base: any File, _ system: InterposedFileSystem) {
    self.base = base
    self.system = system
  }

  var path: String { base.path }
  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError)
    -> Int
  {
    try system.before(.read, path)
    return try base.read(at: offset, into: buffer)
  }
  func size() throws(SystemError) -> Int64 {
    try system.before(.size, path)
    return try base.size()
  }
  func status() throws(SystemError) -> FileStatus {
    try system.before(.status, path)
    return try base.status()
  }
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
    try base.write(bytes, at: offset)
  }
  func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) { try base.append(bytes) }
  func sync(_ mode: SyncMode) throws(SystemError) { try base.sync(mode) }
  func truncate(to size: Int64) throws(SystemError) { try base.truncate(to: size) }
  func allocate(to size: Int64) throws(SystemError) { try base.allocate(to: size) }
  func close() throws(SystemError) { try base.close() }
}
