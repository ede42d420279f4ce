import LinuxIO

/// Where damaged files are kept for a look. Nothing in it is ever read or removed by the store.
///
/// All of this is done as well as it can be: a failure must not keep the rest from answering.
package struct SetAsideFolder: Sendable {
  package let folder: String
  let fileSystem: any FileSystem

  /// A name in the folder for the file at `path` that nothing has yet.
  func path(for path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? "unnamed"
    var candidate = "\(folder)/\(name)"
    var number = 2
    while number < 1000, (try? fileSystem.status(candidate)) != .some(.none) {
      candidate = "\(folder)/\(name)-\(number)"
      number += 1
    }
    return candidate
  }

  /// Gives a damaged file that is still in use a second name here, so that it stays when the
  /// store is done with it.
  func keepSecondName(of path: String) {
    try? fileSystem.createFolder(folder)
    let name = path.split(separator: "/").last.map(String.init) ?? "unnamed"
    // The same file, found damaged at an earlier start.
    if let there = try? fileSystem.status("\(folder)/\(name)"),
      let here = try? fileSystem.status(path), there.inode == here.inode
    {
      return
    }
    try? fileSystem.link(path, to: self.path(for: path))
  }

  /// Moves a file here.
  func take(_ path: String) throws(SystemError) {
    try fileSystem.createFolder(folder)
    try fileSystem.rename(path, to: self.path(for: path))
  }

  /// Keeps bytes that are about to be cut off.
  func keep(_ bytes: [UInt8], named name: String) {
    try? fileSystem.createFolder(folder)
    guard let file = try? fileSystem.open(path(for: name), .create) else { return }
    try? file.write(bytes, at: 0)
  }

  /// Keeps part of a file that is about to be cut off or written over.
  func keep(_ part: Range<Int>, of file: any File, named name: String) {
    try? fileSystem.createFolder(folder)
    guard let copy = try? fileSystem.open(path(for: name), .create) else { return }
    var at = part.lowerBound
    while at < part.upperBound {
      let count = min(1 << 20, part.upperBound - at)
      guard let bytes = try? file.readBytes(at: Int64(at), count: count), !bytes.isEmpty,
        (try? copy.write(bytes, at: Int64(at - part.lowerBound))) != nil
      else { return }
      at += bytes.count
    }
  }
}
