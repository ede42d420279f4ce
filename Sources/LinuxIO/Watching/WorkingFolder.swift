import Glibc

/// The folder that relative paths start from.
package enum WorkingFolder {
  /// Its absolute path.
  package static func path() throws(SystemError) -> String {
    guard let text = getcwd(nil, 0) else { throw .last("getcwd") }
    defer { free(text) }
    return String(cString: text)
  }

  /// `path` itself when it is absolute, else below the working folder.
  package static func absolute(_ path: String) throws(SystemError) -> String {
    if path.hasPrefix("/") { return path }
    var relative = path[...]
    while relative.hasPrefix("./") { relative = relative.dropFirst(2) }
    let folder = try Self.path()
    return folder == "/" ? "/\(relative)" : "\(folder)/\(relative)"
  }
}
