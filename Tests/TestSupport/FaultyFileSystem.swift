package import LinuxIO
import Synchronization

/// Another file system, of which one call fails, or all from one on.
package final class FaultyFileSystem: FileSystem {
  package enum Fault: Hashable, Sendable, CaseIterable {
    /// `EIO`, and nothing is done.
    case inputOutput
    /// `ENOSPC`, and nothing is done.
    case noSpace
    /// Writes put half of the bytes down and fail with `ENOSPC`; other calls fail with `EIO`.
    case shortWrite
    /// Syncs do their work and fail all the same; other calls fail with `EIO`.
    case failedSync
  }

  private struct Plan {
    var fault: Fault
    var number: Int
    var lasts: Bool
  }

  private struct State {
    var callCount = 0
    var plan: Plan?
    /// Reads of files whose paths end so fail.
    var unreadable: String?
    /// Syncs of such files do their work and fail all the same.
    var unsyncable: String?
    var failedReadCount = 0
  }

  private let base: any FileSystem
  private let state = Mutex(State())

  package init(_ base: any FileSystem) { self.base = base }

  /// Calls up to now, closing files and giving back locks left out.
  package var callCount: Int { state.withLock { $0.callCount } }

  /// Lets the call with this number fail, counted from the beginning, and all after it if it
  /// `lasts`.
  package func fail(call number: Int, with fault: Fault, lasting: Bool = false) {
    state.withLock { $0.plan = Plan(fault: fault, number: number, lasts: lasting) }
  }

  /// Lets all reads of files fail whose paths end in `suffix`.
  package func failReads(of suffix: String) { state.withLock { $0.unreadable = suffix } }

  /// Lets all syncs of files fail whose paths end in `suffix`, though they do their work.
  package func failSyncs(of suffix: String) { state.withLock { $0.unsyncable = suffix } }

  /// Reads that failed so.
  package var failedReadCount: Int { state.withLock { $0.failedReadCount } }

  /// All is well again.
  package func mend() {
    state.withLock { state in
      state.plan = nil
      state.unreadable = nil
      state.unsyncable = nil
    }
  }

  fileprivate func read(_ path: String) throws(SystemError) {
    _ = try begin("pread", path, .other)
    let isUnreadable = state.withLock { state in
      guard let suffix = state.unreadable, path.hasSuffix(suffix) else { return false }
      state.failedReadCount += 1
      return true
    }
    if isUnreadable { throw SystemError(call: "pread", path: path, code: SystemError.ioFailure) }
  }

  fileprivate enum Kind { case write, sync, other }

  /// Counts a call; gives the fault that it has to show. Throws where it is to do nothing.
  fileprivate func begin(_ call: String, _ path: String, _ kind: Kind) throws(SystemError) -> Fault?
  {
    let fault: Fault? = state.withLock { state in
      state.callCount += 1
      if kind == .sync, let suffix = state.unsyncable, path.hasSuffix(suffix) {
        return .failedSync
      }
      guard let plan = state.plan else { return nil }
      let isHit = plan.lasts ? state.callCount >= plan.number : state.callCount == plan.number
      return isHit ? plan.fault : nil
    }
    switch (fault, kind) {
    case (nil, _): return nil
    case (.shortWrite, .write), (.failedSync, .sync): return fault
    case (.noSpace, _): throw SystemError(call: call, path: path, code: SystemError.noSpace)
    default: throw SystemError(call: call, path: path, code: SystemError.ioFailure)
    }
  }

  package func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> any File {
    _ = try begin("open", path, .other)
    return FaultyFile(try base.open(path, mode), self)
  }

  package func createFolder(_ path: String) throws(SystemError) {
    _ = try begin("mkdir", path, .other)
    try base.createFolder(path)
  }

  package func list(_ path: String) throws(SystemError) -> [String] {
    _ = try begin("opendir", path, .other)
    return try base.list(path)
  }

  package func status(_ path: String) throws(SystemError) -> FileStatus? {
    _ = try begin("stat", path, .other)
    return try base.status(path)
  }

  package func rename(_ path: String, to newPath: String) throws(SystemError) {
    _ = try begin("rename", path, .other)
    try base.rename(path, to: newPath)
  }

  package func remove(_ path: String) throws(SystemError) {
    _ = try begin("unlink", path, .other)
    try base.remove(path)
  }

  package func removeFolder(_ path: String) throws(SystemError) {
    _ = try begin("rmdir", path, .other)
    try base.removeFolder(path)
  }

  package func link(_ path: String, to newPath: String) throws(SystemError) {
    _ = try begin("link", path, .other)
    try base.link(path, to: newPath)
  }

  package func syncFolder(_ path: String) throws(SystemError) {
    let fault = try begin("fsync", path, .sync)
    try base.syncFolder(path)
    if fault != nil { throw SystemError(call: "fsync", path: path, code: SystemError.ioFailure) }
  }

  package func freeSpace(_ path: String) throws(SystemError) -> FreeSpace {
    _ = try begin("statvfs", path, .other)
    return try base.freeSpace(path)
  }

  package func lockFile(_ path: String) throws(SystemError) -> LockOutcome {
    _ = try begin("flock", path, .other)
    return try base.lockFile(path)
  }
}

private final class FaultyFile: File {
  private let base: any File
  private let owner: FaultyFileSystem

  init(_ base: any File, _ owner: FaultyFileSystem) {
    self.base = base
    self.owner = owner
  }

  var path: String { base.path }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int
  {
    try owner.read(path)
    return try base.read(at: offset, into: buffer)
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
    let fault = try owner.begin("pwrite", path, .write)
    guard fault != nil else { return try base.write(bytes, at: offset) }
    try base.write(UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]), at: offset)
    throw SystemError(call: "pwrite", path: path, code: SystemError.noSpace)
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    let fault = try owner.begin("write", path, .write)
    guard fault != nil else { return try base.append(bytes) }
    try base.append(UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]))
    throw SystemError(call: "write", path: path, code: SystemError.noSpace)
  }

  func sync(_ mode: SyncMode) throws(SystemError) {
    let fault = try owner.begin("fsync", path, .sync)
    try base.sync(mode)
    if fault != nil { throw SystemError(call: "fsync", path: path, code: SystemError.ioFailure) }
  }

  func truncate(to size: Int64) throws(SystemError) {
    _ = try owner.begin("ftruncate", path, .other)
    try base.truncate(to: size)
  }

  func allocate(to size: Int64) throws(SystemError) {
    _ = try owner.begin("fallocate", path, .other)
    try base.allocate(to: size)
  }

  func size() throws(SystemError) -> Int64 {
    _ = try owner.begin("fstat", path, .other)
    return try base.size()
  }

  func status() throws(SystemError) -> FileStatus {
    _ = try owner.begin("fstat", path, .other)
    return try base.status()
  }

  func close() throws(SystemError) { try base.close() }
}
