package import LinuxIO
import Synchronization

/// Files in memory that lose what was not synced when the power is cut.
///
/// A test lets the power fail at a call of its choice (``cutPower(atCall:)``): from then on each
/// call fails with `EIO`. ``afterPowerCut(seed:)`` gives the file system that a machine would
/// find after that, the same for the same seed: synced bytes and names are there, and of the
/// rest any part.
package final class CrashingFileSystem: FileSystem {
  fileprivate struct State {
    var disk: SimulatedDisk
    var callCount = 0
    var cutAt: Int?
    var isOff = false
    var capacity: Int?
    var locked: Set<String> = []

    /// Counts a call that changes something, and fails once the power is off.
    mutating func begin(_ call: String, _ path: String) throws(SystemError) {
      try check(call, path)
      callCount += 1
    }

    /// Whether the power goes during the call that has just been made.
    mutating func end(_ call: String, _ path: String) throws(SystemError) {
      guard let cutAt, callCount >= cutAt else { return }
      isOff = true
      throw SystemError(call: call, path: path, code: SystemError.ioFailure)
    }

    func check(_ call: String, _ path: String) throws(SystemError) {
      guard !isOff else {
        throw SystemError(call: call, path: path, code: SystemError.ioFailure)
      }
    }

    func checkRoom(_ bytes: Int, _ call: String, _ path: String) throws(SystemError) {
      guard let capacity, bytes > 0, disk.byteCount + bytes > capacity else { return }
      throw SystemError(call: call, path: path, code: SystemError.noSpace)
    }
  }

  fileprivate let state: Mutex<State>

  package init() { state = Mutex(State(disk: SimulatedDisk())) }

  private init(_ disk: SimulatedDisk) { state = Mutex(State(disk: disk)) }

  /// Calls up to now that changed something.
  package var callCount: Int { state.withLock { $0.callCount } }

  /// The power fails during the call with this number, 1 being the first that changes something.
  package func cutPower(atCall number: Int?) { state.withLock { $0.cutAt = number } }

  package var isOff: Bool { state.withLock { $0.isOff } }

  /// What is there after a power cut at this moment; this file system is dead from now on.
  package func afterPowerCut(seed: UInt64) -> CrashingFileSystem {
    let disk = state.withLock { state in
      state.isOff = true
      return state.disk
    }
    var random = RandomSource(seed: seed)
    return CrashingFileSystem(disk.afterPowerCut(&random))
  }

  /// What the next process finds after this one was killed: everything, but a power cut may still
  /// take away what was not synced. This file system is dead from now on.
  package func afterKill() -> CrashingFileSystem {
    CrashingFileSystem(
      state.withLock { state in
        state.isOff = true
        return state.disk
      })
  }

  /// The same files on another disk, everything durable.
  package func copy() -> CrashingFileSystem {
    var disk = state.withLock { $0.disk }
    for node in disk.nodes.keys { disk.nodes[node]?.sync() }
    disk.durableNames = disk.names
    disk.nameChanges = []
    return CrashingFileSystem(disk)
  }

  /// Room for all files together; more fails with `ENOSPC`.
  package func setCapacity(_ bytes: Int?) { state.withLock { $0.capacity = bytes } }

  /// All files with their sizes.
  package var files: [String: Int] {
    state.withLock { state in
      state.disk.names.mapValues { state.disk.nodes[$0]?.current.count ?? 0 }
    }
  }

  /// The bytes of a file, or nil.
  package func content(_ path: String) -> [UInt8]? {
    state.withLock { state in
      state.disk.names[path].flatMap { state.disk.nodes[$0]?.current }
    }
  }

  /// Changes bits of one byte behind everybody's back.
  package func flip(_ path: String, at offset: Int, bits: UInt8 = 0xff) {
    state.withLock { state in
      guard let node = state.disk.names[path] else { return }
      state.disk.nodes[node]?.current[offset] ^= bits
      state.disk.nodes[node]?.durable[offset] ^= bits
    }
  }

  // MARK: FileSystem

  package func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> any File {
    let node = try state.withLock { (state) throws(SystemError) -> Int in
      try state.check("open", path)
      if let node = state.disk.names[path] {
        guard mode != .create else {
          throw SystemError(call: "open", path: path, code: SystemError.fileExists)
        }
        return node
      }
      guard mode != .read, state.disk.folders.contains(SimulatedDisk.folder(of: path)) else {
        throw SystemError(call: "open", path: path, code: SystemError.noSuchFile)
      }
      try state.begin("open", path)
      state.disk.lastNode += 1
      let node = state.disk.lastNode
      state.disk.nodes[node] = SimulatedDisk.Node()
      state.disk.change(.add(path, node: node))
      try state.end("open", path)
      return node
    }
    return SimulatedFile(self, path: path, node: node)
  }

  package func createFolder(_ path: String) throws(SystemError) {
    try state.withLock { (state) throws(SystemError) in
      try state.check("mkdir", path)
      state.disk.folders.insert(path)
    }
  }

  package func list(_ path: String) throws(SystemError) -> [String] {
    try state.withLock { (state) throws(SystemError) in
      try state.check("opendir", path)
      guard state.disk.folders.contains(path) else {
        throw SystemError(call: "opendir", path: path, code: SystemError.noSuchFile)
      }
      return state.disk.names.keys.filter { SimulatedDisk.folder(of: $0) == path }
        .map { String($0.dropFirst(path.count + 1)) }.sorted()
    }
  }

  package func status(_ path: String) throws(SystemError) -> FileStatus? {
    try state.withLock { (state) throws(SystemError) in
      try state.check("stat", path)
      if state.disk.folders.contains(path) { return FileStatus(kind: .folder) }
      return state.disk.names[path].flatMap { Self.status(state.disk, $0) }
    }
  }

  fileprivate static func status(_ disk: SimulatedDisk, _ number: Int) -> FileStatus? {
    disk.nodes[number].map { node in
      FileStatus(
        kind: .regular, device: 1, inode: UInt64(number), size: Int64(node.current.count),
        linkCount: UInt64(disk.names.values.count { $0 == number }))
    }
  }

  package func rename(_ path: String, to newPath: String) throws(SystemError) {
    try named("rename", path) { state, node in .move(path, to: newPath, node: node) }
  }

  package func remove(_ path: String) throws(SystemError) {
    try named("unlink", path) { _, _ in .remove(path) }
  }

  package func link(_ path: String, to newPath: String) throws(SystemError) {
    try named("link", path) { (state, node) throws(SystemError) in
      guard state.disk.names[newPath] == nil else {
        throw SystemError(call: "link", path: newPath, code: SystemError.fileExists)
      }
      return .add(newPath, node: node)
    }
  }

  private func named(
    _ call: String, _ path: String,
    _ change: (State, Int) throws(SystemError) -> SimulatedDisk.NameChange
  ) throws(SystemError) {
    try state.withLock { (state) throws(SystemError) in
      try state.check(call, path)
      guard let node = state.disk.names[path] else {
        throw SystemError(call: call, path: path, code: SystemError.noSuchFile)
      }
      try state.begin(call, path)
      state.disk.change(try change(state, node))
      try state.end(call, path)
    }
  }

  package func removeFolder(_ path: String) throws(SystemError) {
    try state.withLock { (state) throws(SystemError) in
      try state.check("rmdir", path)
      guard !state.disk.names.keys.contains(where: { SimulatedDisk.folder(of: $0) == path }) else {
        throw SystemError(call: "rmdir", path: path, code: SystemError.notEmpty)
      }
      state.disk.folders.remove(path)
    }
  }

  package func syncFolder(_ path: String) throws(SystemError) {
    try state.withLock { (state) throws(SystemError) in
      try state.begin("fsync", path)
      // The power can go before or after: cut at the next call stands for after.
      try state.end("fsync", path)
      state.disk.syncFolder(path)
    }
  }

  package func freeSpace(_ path: String) throws(SystemError) -> FreeSpace {
    try state.withLock { (state) throws(SystemError) in
      try state.check("statvfs", path)
      let total = state.capacity ?? 1 << 40
      return FreeSpace(
        available: Int64(max(0, total - state.disk.byteCount)), total: Int64(total))
    }
  }

  package func lockFile(_ path: String) throws(SystemError) -> LockOutcome {
    try state.withLock { (state) throws(SystemError) in
      try state.check("flock", path)
      guard state.locked.insert(path).inserted else { return .heldBy(processID: 4711) }
      return .locked(SimulatedLock(self, path))
    }
  }
}

private final class SimulatedLock: FileLock {
  private let owner: CrashingFileSystem
  private let path: String

  init(_ owner: CrashingFileSystem, _ path: String) {
    self.owner = owner
    self.path = path
  }

  func release() { owner.state.withLock { _ = $0.locked.remove(path) } }
}

private final class SimulatedFile: File {
  let path: String
  private let owner: CrashingFileSystem
  private let node: Int

  init(_ owner: CrashingFileSystem, path: String, node: Int) {
    self.owner = owner
    self.path = path
    self.node = node
  }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int
  {
    let bytes = try owner.state.withLock { (state) throws(SystemError) in
      try state.check("pread", path)
      return state.disk.nodes[node]?.current ?? []
    }
    guard offset < bytes.count else { return 0 }
    let count = min(buffer.count, bytes.count - Int(offset))
    bytes.withUnsafeBytes { bytes in
      buffer.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[Int(offset)..<(Int(offset) + count)]))
    }
    return count
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
    try change("pwrite") { size in
      (.write(offset: Int(offset), bytes: Array(bytes)), Int(offset) + bytes.count - size)
    }
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    try change("write") { size in (.write(offset: size, bytes: Array(bytes)), bytes.count) }
  }

  func truncate(to size: Int64) throws(SystemError) {
    try change("ftruncate") { _ in (.resize(Int(size)), 0) }
  }

  func allocate(to size: Int64) throws(SystemError) {
    try change("fallocate") { old in (.resize(max(old, Int(size))), Int(size) - old) }
  }

  private func change(_ call: String, _ make: (Int) -> (SimulatedDisk.Change, growth: Int))
    throws(SystemError)
  {
    try owner.state.withLock { (state) throws(SystemError) in
      try state.begin(call, path)
      let (change, growth) = make(state.disk.nodes[node]?.current.count ?? 0)
      try state.checkRoom(growth, call, path)
      state.disk.nodes[node]?.apply(change)
      try state.end(call, path)
    }
  }

  func sync(_ mode: SyncMode) throws(SystemError) {
    try owner.state.withLock { (state) throws(SystemError) in
      try state.begin("fsync", path)
      // The power can go before or after: cut at the next call stands for after.
      try state.end("fsync", path)
      state.disk.nodes[node]?.sync()
    }
  }

  func size() throws(SystemError) -> Int64 { try status().size }

  func status() throws(SystemError) -> FileStatus {
    try owner.state.withLock { (state) throws(SystemError) in
      try state.check("fstat", path)
      return CrashingFileSystem.status(state.disk, node) ?? FileStatus(kind: .regular)
    }
  }

  func close() throws(SystemError) {}
}
