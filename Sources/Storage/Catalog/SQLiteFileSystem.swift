import Bytes
import CSQLite
import LinuxIO
import Synchronization

/// Lets SQLite do its I/O through a ``FileSystem``, with a checksum on each page of the database.
///
/// SQLite keeps the last 8 bytes of each page free for us. The data folder's lock keeps other
/// processes away, so that SQLite's own locks do nothing. See docs/formats/catalog.md.
final class SQLiteFileSystem: Sendable {
  static let pageBytes = 4096
  static let reservedBytes = 8

  /// What went wrong beneath SQLite; its own codes do not tell.
  enum Failure: Sendable {
    case system(SystemError)
    case damaged(path: String, offset: Int64)
  }

  let name: String
  let fileSystem: any FileSystem
  private let failure = Mutex<Failure?>(nil)
  /// SQLite's object; touched by `init` and `unregister()` alone.
  nonisolated(unsafe) private let vfs: UnsafeMutablePointer<sqlite3_vfs>
  nonisolated(unsafe) private let cName: UnsafeMutablePointer<CChar>

  private static let count = Atomic<Int>(0)

  init(_ fileSystem: any FileSystem) {
    self.fileSystem = fileSystem
    name = "sluice-\(Self.count.wrappingAdd(1, ordering: .relaxed).newValue)"
    let text = Array(name.utf8CString)
    cName = .allocate(capacity: text.count)
    cName.initialize(from: text, count: text.count)
    vfs = .allocate(capacity: 1)
    vfs.initialize(to: sqlite3_vfs())
    vfs.pointee.iVersion = 1
    vfs.pointee.szOsFile = Int32(MemoryLayout<SQLiteFileSlot>.size)
    vfs.pointee.mxPathname = 4096
    vfs.pointee.zName = UnsafePointer(cName)
    vfs.pointee.pAppData = Unmanaged.passUnretained(self).toOpaque()
    vfs.pointee.xOpen = SQLiteCallbacks.open
    vfs.pointee.xDelete = SQLiteCallbacks.delete
    vfs.pointee.xAccess = SQLiteCallbacks.access
    vfs.pointee.xFullPathname = SQLiteCallbacks.fullPathname
    vfs.pointee.xRandomness = SQLiteCallbacks.randomness
    vfs.pointee.xSleep = { _, _ in 0 }
    vfs.pointee.xCurrentTime = { _, time in
      // Nothing in the catalog asks SQLite for the time.
      time?.pointee = 2_440_587.5
      return SQLITE_OK
    }
    vfs.pointee.xGetLastError = { _, _, _ in 0 }
    sqlite3_vfs_register(vfs, 0)
  }

  /// No connection of this file system may be open any more.
  func unregister() { sqlite3_vfs_unregister(vfs) }

  deinit {
    vfs.deallocate()
    cName.deallocate()
  }

  func note(_ failure: Failure) { self.failure.withLock { $0 = failure } }

  func takeFailure() -> Failure? {
    failure.withLock { failure in
      defer { failure = nil }
      return failure
    }
  }

  /// The checksum that the last bytes of a page hold.
  static func checksum(_ page: UnsafeRawBufferPointer, number: Int64) -> UInt64 {
    XXH3.hash(
      UnsafeRawBufferPointer(rebasing: page[..<(pageBytes - reservedBytes)]),
      seed: UInt64(bitPattern: number))
  }

  /// Reads the whole database and gives the offset of the first page that is damaged.
  static func firstDamage(in file: any File) throws(SystemError) -> Int64? {
    let size = try file.size()
    var offset: Int64 = 0
    while offset < size {
      let page = try file.readBytes(at: offset, count: pageBytes)
      let isWhole = page.count == pageBytes && page.withUnsafeBytes { isRight($0, at: offset) }
      // SQLite leaves free pages unwritten where it likes; one that it needs it checks itself.
      guard isWhole || page.allSatisfy({ $0 == 0 }) else { return offset }
      offset += Int64(pageBytes)
    }
    return nil
  }

  static func isRight(_ page: UnsafeRawBufferPointer, at offset: Int64) -> Bool {
    page.littleEndian(UInt64.self, at: pageBytes - reservedBytes)
      == checksum(page, number: offset / Int64(pageBytes))
  }
}

/// A file as SQLite holds it: in memory that SQLite allocates.
struct SQLiteFileSlot {
  var base: sqlite3_file
  var file: Unmanaged<SQLiteFile>?
}

/// One file that SQLite has open.
final class SQLiteFile {
  let file: any File
  let owner: SQLiteFileSystem
  /// The database itself; its journal has checksums of SQLite's own.
  let isDatabase: Bool
  /// Its name is not durable yet: the first sync makes it so.
  private var isNew: Bool

  init(_ file: any File, _ owner: SQLiteFileSystem, isDatabase: Bool, isNew: Bool) {
    self.file = file
    self.owner = owner
    self.isDatabase = isDatabase
    self.isNew = isNew
  }

  func sync(_ mode: SyncMode) -> Int32 {
    perform(SQLiteCode.syncFailed) { () throws(SystemError) in
      try file.sync(mode)
      if isNew, let slash = file.path.lastIndex(of: "/") {
        try owner.fileSystem.syncFolder(String(file.path[..<slash]))
        isNew = false
      }
      return SQLITE_OK
    }
  }

  private func isPage(_ count: Int, _ offset: Int64) -> Bool {
    isDatabase && count == SQLiteFileSystem.pageBytes
      && offset % Int64(SQLiteFileSystem.pageBytes) == 0
  }

  func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int32 {
    perform(SQLiteCode.readFailed) { () throws(SystemError) in
      let count = try file.read(at: offset, into: buffer)
      if count < buffer.count {
        // SQLite wants what is missing as zeros.
        UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
          .initializeMemory(as: UInt8.self, repeating: 0)
        return SQLiteCode.shortRead
      }
      if isPage(count, offset),
        !SQLiteFileSystem.isRight(UnsafeRawBufferPointer(buffer), at: offset)
      {
        owner.note(.damaged(path: file.path, offset: offset))
        return SQLiteCode.damaged
      }
      return SQLITE_OK
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) -> Int32 {
    perform(SQLiteCode.writeFailed) { () throws(SystemError) in
      guard isPage(bytes.count, offset) else {
        try file.write(bytes, at: offset)
        return SQLITE_OK
      }
      let page = Int64(SQLiteFileSystem.pageBytes)
      let checksum = SQLiteFileSystem.checksum(bytes, number: offset / page)
      var copy = Array(bytes)
      copy.withUnsafeMutableBytes {
        $0.storeBytes(
          of: checksum.littleEndian, toByteOffset: bytes.count - SQLiteFileSystem.reservedBytes,
          as: UInt64.self)
      }
      try file.write(copy, at: offset)
      return SQLITE_OK
    }
  }

  func perform(_ code: Int32, _ body: () throws(SystemError) -> Int32) -> Int32 {
    do throws(SystemError) {
      return try body()
    } catch {
      owner.note(.system(error))
      return error.isDiskFull ? SQLITE_FULL : code
    }
  }
}

/// SQLite's extended result codes, which its header has as expressions.
enum SQLiteCode {
  static let readFailed = SQLITE_IOERR | 1 << 8
  static let shortRead = SQLITE_IOERR | 2 << 8
  static let writeFailed = SQLITE_IOERR | 3 << 8
  static let syncFailed = SQLITE_IOERR | 4 << 8
  static let folderSyncFailed = SQLITE_IOERR | 5 << 8
  static let truncateFailed = SQLITE_IOERR | 6 << 8
  static let statusFailed = SQLITE_IOERR | 7 << 8
  static let deleteFailed = SQLITE_IOERR | 10 << 8
  static let accessFailed = SQLITE_IOERR | 13 << 8
  static let closeFailed = SQLITE_IOERR | 16 << 8
  static let nothingToDelete = SQLITE_IOERR | 23 << 8
  static let damaged = SQLITE_IOERR | 32 << 8
}
