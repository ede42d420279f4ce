import CSQLite
import LinuxIO

/// What SQLite calls. The pointers come from SQLite, valid for the call as its contract says.
enum SQLiteCallbacks {
  typealias VFS = UnsafeMutablePointer<sqlite3_vfs>
  typealias FilePointer = UnsafeMutablePointer<sqlite3_file>

  /// The table of a file's methods; it lives as long as the process, and nobody changes it.
  nonisolated(unsafe) private static let methods: UnsafeMutablePointer<sqlite3_io_methods> = {
    let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    methods.initialize(to: sqlite3_io_methods())
    methods.pointee.iVersion = 1
    methods.pointee.xClose = close
    methods.pointee.xRead = { pointer, buffer, count, offset in
      guard let file = SQLiteCallbacks.file(pointer), let buffer else { return SQLITE_MISUSE }
      return file.read(
        UnsafeMutableRawBufferPointer(start: buffer, count: Int(count)), at: offset)
    }
    methods.pointee.xWrite = { pointer, bytes, count, offset in
      guard let file = SQLiteCallbacks.file(pointer), let bytes else { return SQLITE_MISUSE }
      return file.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)), at: offset)
    }
    methods.pointee.xTruncate = { pointer, size in
      guard let file = SQLiteCallbacks.file(pointer) else { return SQLITE_MISUSE }
      return file.perform(SQLiteCode.truncateFailed) { () throws(SystemError) in
        try file.file.truncate(to: size)
        return SQLITE_OK
      }
    }
    methods.pointee.xSync = { pointer, flags in
      guard let file = SQLiteCallbacks.file(pointer) else { return SQLITE_MISUSE }
      return file.sync(flags & SQLITE_SYNC_DATAONLY != 0 ? .data : .full)
    }
    methods.pointee.xFileSize = { pointer, size in
      guard let file = SQLiteCallbacks.file(pointer) else { return SQLITE_MISUSE }
      return file.perform(SQLiteCode.statusFailed) { () throws(SystemError) in
        size?.pointee = try file.file.size()
        return SQLITE_OK
      }
    }
    methods.pointee.xLock = { _, _ in SQLITE_OK }
    methods.pointee.xUnlock = { _, _ in SQLITE_OK }
    methods.pointee.xCheckReservedLock = { _, isReserved in
      isReserved?.pointee = 0
      return SQLITE_OK
    }
    methods.pointee.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
    methods.pointee.xSectorSize = { _ in 4096 }
    methods.pointee.xDeviceCharacteristics = { _ in 0 }
    return methods
  }()

  private static func file(_ pointer: FilePointer?) -> SQLiteFile? {
    pointer?.withMemoryRebound(to: SQLiteFileSlot.self, capacity: 1) {
      $0.pointee.file?.takeUnretainedValue()
    }
  }

  private static func owner(_ vfs: VFS?) -> SQLiteFileSystem? {
    (vfs?.pointee.pAppData).map {
      Unmanaged<SQLiteFileSystem>.fromOpaque($0).takeUnretainedValue()
    }
  }

  private static let close: @convention(c) (FilePointer?) -> Int32 = { pointer in
    guard let pointer else { return SQLITE_MISUSE }
    return pointer.withMemoryRebound(to: SQLiteFileSlot.self, capacity: 1) { slot in
      guard let file = slot.pointee.file?.takeRetainedValue() else { return SQLITE_OK }
      slot.pointee.file = nil
      return file.perform(SQLiteCode.closeFailed) { () throws(SystemError) in
        try file.file.close()
        return SQLITE_OK
      }
    }
  }

  static let open:
    @convention(c) (
      VFS?, UnsafePointer<CChar>?, FilePointer?, Int32, UnsafeMutablePointer<Int32>?
    ) -> Int32 = { vfs, path, pointer, flags, flagsOut in
      guard let pointer else { return SQLITE_MISUSE }
      pointer.pointee.pMethods = nil
      // Without a path it would be a temporary file, which the settings rule out.
      guard let owner = SQLiteCallbacks.owner(vfs), let path else { return SQLITE_CANTOPEN }
      let name = String(cString: path)
      do throws(SystemError) {
        let exists = try owner.fileSystem.status(name) != nil
        guard exists || flags & SQLITE_OPEN_CREATE != 0 else { return SQLITE_CANTOPEN }
        let isWritten = flags & SQLITE_OPEN_READWRITE != 0
        let file = try owner.fileSystem.open(name, isWritten ? .readWrite : .read)
        let isDatabase = flags & SQLITE_OPEN_MAIN_DB != 0
        pointer.withMemoryRebound(to: SQLiteFileSlot.self, capacity: 1) { slot in
          slot.pointee.file = .passRetained(
            SQLiteFile(file, owner, isDatabase: isDatabase, isNew: !exists))
          slot.pointee.base.pMethods = UnsafePointer(methods)
        }
        flagsOut?.pointee = flags
        return SQLITE_OK
      } catch {
        owner.note(.system(error))
        return SQLITE_CANTOPEN
      }
    }

  static let delete: @convention(c) (VFS?, UnsafePointer<CChar>?, Int32) -> Int32 = {
    vfs, path, syncFolder in
    guard let owner = SQLiteCallbacks.owner(vfs), let path else { return SQLITE_MISUSE }
    let name = String(cString: path)
    do throws(SystemError) {
      try owner.fileSystem.remove(name)
    } catch {
      if error.isNoSuchFile { return SQLiteCode.nothingToDelete }
      owner.note(.system(error))
      return SQLiteCode.deleteFailed
    }
    guard syncFolder != 0, let slash = name.lastIndex(of: "/") else { return SQLITE_OK }
    do throws(SystemError) {
      try owner.fileSystem.syncFolder(String(name[..<slash]))
      return SQLITE_OK
    } catch {
      owner.note(.system(error))
      return SQLiteCode.folderSyncFailed
    }
  }

  static let access:
    @convention(c) (VFS?, UnsafePointer<CChar>?, Int32, UnsafeMutablePointer<Int32>?) -> Int32 = {
      vfs, path, _, result in
      guard let owner = SQLiteCallbacks.owner(vfs), let path else { return SQLITE_MISUSE }
      do throws(SystemError) {
        let status = try owner.fileSystem.status(String(cString: path))
        // SQLite takes an empty journal for none.
        result?.pointee = (status?.size ?? 0) > 0 ? 1 : 0
        return SQLITE_OK
      } catch {
        owner.note(.system(error))
        return SQLiteCode.accessFailed
      }
    }

  static let fullPathname:
    @convention(c) (VFS?, UnsafePointer<CChar>?, Int32, UnsafeMutablePointer<CChar>?) -> Int32 = {
      _, path, capacity, out in
      guard let path, let out else { return SQLITE_MISUSE }
      let text = String(cString: path).utf8CString
      guard text.count <= Int(capacity) else { return SQLITE_CANTOPEN }
      for (index, character) in text.enumerated() { out[index] = character }
      return SQLITE_OK
    }

  static let randomness: @convention(c) (VFS?, Int32, UnsafeMutablePointer<CChar>?) -> Int32 = {
    _, count, out in
    guard let out else { return 0 }
    for index in 0..<Int(count) { out[index] = .random(in: .min ... .max) }
    return count
  }
}
