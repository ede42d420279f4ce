import LinuxIO
import Synchronization

extension StorageEngine {
  /// Makes a store of its own in `folder`, which must not exist, with all rows that were appended
  /// before: hard links to the segments, and a catalog.
  ///
  /// Costs next to no room until compaction or retention drops what it links to. Durable when it
  /// returns; when it throws, what was made so far is left in the folder. Must lie on the same file
  /// system.
  nonisolated(nonsending)
    package func copyByLinks(to folder: String) async throws(StorageError)
  {
    try await perform { [self] stage -> Result<Void, StorageError> in
      if let failure = flushAll(&stage) { return .failure(failure) }
      // While the turn is held no merge changes what is linked; flushes and retention are this
      // thread's own.
      return Result { () throws(StorageError) in
        try turn.withLock { _ throws(StorageError) in try link(to: StoreLayout(folder: folder)) }
      }
    }
  }

  private func link(to layout: StoreLayout) throws(StorageError) {
    guard let content = try? catalog.load() else {
      throw StorageError(.system, "the catalog cannot be read; no copy is made")
    }
    try storing("making the copy \(layout.folder)") { () throws(SystemError) in
      guard try fileSystem.status(layout.folder) == nil else {
        throw SystemError(call: "mkdir", path: layout.folder, code: SystemError.fileExists)
      }
      try fileSystem.createFolders(layout.folder)
      for folder in [layout.segments, layout.wal] { try fileSystem.createFolder(folder) }
      for record in content.segments {
        try fileSystem.link(shelf.layout.segment(record.id), to: layout.segment(record.id))
      }
      try fileSystem.syncFolder(layout.segments)
    }
    let copy = try SQLiteCatalog.open(layout.catalog, fileSystem)
    defer { copy.close() }
    var change = CatalogChange()
    change.added = content.segments
    change.nextSegmentID = content.nextSegmentID
    change.releasedThrough = content.releasedThrough
    change.quarantined = content.quarantined
    change.tombstones = content.tombstones
    change.lastDelete = content.lastDelete
    change.values = content.values
    try copy.commit(change)
    if !content.tombstones.isEmpty {
      try DeletesFile(layout: layout, fileSystem: fileSystem).write(
        DeletesFile.Content(content))
    }
    try storing("making the copy durable") { () throws(SystemError) in
      try fileSystem.syncFolder(layout.folder)
    }
  }
}
