import LinuxIO

/// Makes and removes the files of a log.
struct WALFiles: Sendable {
  let folder: String
  let fileSystem: any FileSystem
  let fileBytes: Int

  /// Makes a file whose header and name are durable, with room for `bytes` of records.
  func create(_ header: WALFormat.Header, bytes: Int) throws(SystemError) -> any File {
    let path = "\(folder)/\(StoreLayout.walName(firstSequence: header.firstSequence))"
    let newPath = String(path.dropLast(StoreLayout.walSuffix.count)) + StoreLayout.newWALSuffix
    if try fileSystem.status(newPath) != nil { try fileSystem.remove(newPath) }
    let file = try fileSystem.open(newPath, .create)
    do throws(SystemError) {
      try file.allocate(to: Int64(max(fileBytes, WALFormat.recordsStart + bytes)))
      let copy = header.encoded()
      try file.write(copy + copy, at: 0)
      try file.sync(.full)
      try fileSystem.rename(newPath, to: path)
      try fileSystem.syncFolder(folder)
    } catch {
      // Either name may be there now; the other attempts take other names.
      try? fileSystem.remove(newPath)
      try? fileSystem.remove(path)
      throw error
    }
    return file
  }

  func path(_ header: WALFormat.Header) -> String {
    "\(folder)/\(StoreLayout.walName(firstSequence: header.firstSequence))"
  }

  /// Whether the file is gone now.
  func remove(_ file: ClosedWALFile) -> Bool {
    do throws(SystemError) {
      try fileSystem.remove(file.path)
      return true
    } catch {
      return error.isNoSuchFile
    }
  }
}
