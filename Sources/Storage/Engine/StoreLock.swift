import LinuxIO

/// The right to use a data folder.
enum StoreLock {
  /// Makes the folder if absent and locks it, or names the process that has it.
  static func take(_ layout: StoreLayout, _ fileSystem: any FileSystem) throws(StorageError)
    -> any FileLock
  {
    let outcome = try storing("opening \(layout.folder)") { () throws(SystemError) in
      try fileSystem.createFolders(layout.folder)
      return try fileSystem.lockFile(layout.lock)
    }
    switch outcome {
    case .locked(let lock): return lock
    case .heldBy(let processID):
      let holder = processID.map { "process \($0)" } ?? "another process"
      throw StorageError(
        .inUse,
        "the data folder \(layout.folder) is in use by \(holder): stop it, or use another folder",
        path: layout.lock)
    }
  }
}
