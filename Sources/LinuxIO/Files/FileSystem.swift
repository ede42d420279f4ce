/// How a file is opened.
package enum OpenMode: Hashable, Sendable {
  /// An existing file, for reading.
  case read
  /// A new file, for reading and writing; fails with `EEXIST` where something has the name.
  case create
  /// For reading and writing; made empty if absent.
  case readWrite
  /// For reading and for ``File/append(_:)``; made empty if absent.
  case append
}

/// What a name stands for.
package enum FileKind: Hashable, Sendable {
  case regular, folder, symbolicLink, other
}

/// What the file system knows about a file, symbolic links followed.
package struct FileStatus: Hashable, Sendable {
  package var kind: FileKind
  package var device: UInt64
  package var inode: UInt64
  package var size: Int64
  package var linkCount: UInt64
  /// When the content last changed, in nanoseconds since 1970.
  package var modifiedNanoseconds: Int64
  /// When the content or the inode last changed, in nanoseconds since 1970.
  package var changedNanoseconds: Int64

  package init(
    kind: FileKind, device: UInt64 = 0, inode: UInt64 = 0, size: Int64 = 0, linkCount: UInt64 = 1,
    modifiedNanoseconds: Int64 = 0, changedNanoseconds: Int64 = 0
  ) {
    self.kind = kind
    self.device = device
    self.inode = inode
    self.size = size
    self.linkCount = linkCount
    self.modifiedNanoseconds = modifiedNanoseconds
    self.changedNanoseconds = changedNanoseconds
  }
}

/// How much room the file system of a path has, in bytes.
package struct FreeSpace: Hashable, Sendable {
  /// What this process may still use.
  package var available: Int64
  package var total: Int64

  package init(available: Int64, total: Int64) {
    self.available = available
    self.total = total
  }
}

/// The files of a machine, or a test's stand-in for them.
///
/// What a store may rely on after a power cut, and what simulated file systems take away:
/// - Bytes are durable once ``File/sync(_:)`` returned; until then any subset of the writes, in
///   any order and each cut anywhere, can be what is left.
/// - A name made, moved or removed is durable once ``syncFolder(_:)`` of its folder returned.
///   Before that it may have happened or not, each name for itself, except that a rename never
///   leaves neither the old nor the new file under the new name.
/// - A failed ``File/sync(_:)`` tells nothing about what is durable, and a later one that
///   succeeds does not make up for it.
///
/// Paths are absolute or relative to the working folder. Every call can be made from any thread
/// and may block.
package protocol FileSystem: Sendable {
  func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> any File
  /// Makes one folder (mode 0750); one that exists already is fine.
  func createFolder(_ path: String) throws(SystemError)
  /// The names in a folder in no particular order, without `.` and `..`.
  func list(_ path: String) throws(SystemError) -> [String]
  /// What `path` stands for, or nil where there is nothing.
  func status(_ path: String) throws(SystemError) -> FileStatus?
  /// Gives a file another name, in place of what had the name, in one step.
  func rename(_ path: String, to newPath: String) throws(SystemError)
  /// Removes the name of a file; it is an error (`ENOENT`) when there is none.
  func remove(_ path: String) throws(SystemError)
  /// Removes an empty folder.
  func removeFolder(_ path: String) throws(SystemError)
  /// Gives the file a second name (a hard link).
  func link(_ path: String, to newPath: String) throws(SystemError)
  /// Makes the names in a folder durable.
  func syncFolder(_ path: String) throws(SystemError)
  func freeSpace(_ path: String) throws(SystemError) -> FreeSpace
  /// Takes the lock that a file stands for, made if absent; it is held until the lock is
  /// released or the process ends, however it ends. The file then names this process.
  func lockFile(_ path: String) throws(SystemError) -> LockOutcome
}

/// What came of asking for a lock.
package enum LockOutcome: Sendable {
  case locked(any FileLock)
  /// Another has it: the process with this id, where the file tells.
  case heldBy(processID: Int32?)
}

/// A lock that is held.
package protocol FileLock: AnyObject, Sendable {
  /// Gives the lock back; a second call does nothing.
  func release()
}

extension FileSystem {
  /// Makes a folder and those above it that are missing.
  package func createFolders(_ path: String) throws(SystemError) {
    if let status = try status(path), status.kind == .folder { return }
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try createFolders(String(path[..<slash]))
    }
    try createFolder(path)
  }

  /// The whole content of a file; fails with `EFBIG` above `bytesMax`.
  package func readWhole(_ path: String, bytesMax: Int) throws(SystemError) -> [UInt8] {
    let file = try open(path, .read)
    let size = try file.size()
    guard size <= Int64(bytesMax) else {
      throw SystemError(call: "read", path: path, code: SystemError.fileTooLarge)
    }
    let bytes = try file.readBytes(at: 0, count: Int(size))
    try file.close()
    return bytes
  }
}
