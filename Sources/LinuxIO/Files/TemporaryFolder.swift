import Glibc

/// A folder for the time of one piece of work, with a name of its own that only this user can read.
///
/// It is taken away with all it holds by ``remove()`` or with the last reference; a process that is
/// killed leaves it behind.
package final class TemporaryFolder: Sendable {
  package let path: String

  /// Makes `PARENT/NAME.XXXXXX`, the last part by chance.
  ///
  /// - Parameter parent: usually ``parent(of:)``; it must exist.
  package init(named name: String, in parent: String) throws(SystemError) {
    let wanted = "\(parent)/\(name).XXXXXX"
    var template = Array(wanted.utf8CString)
    guard mkdtemp(&template) != nil else { throw .last("mkdtemp", path: wanted) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { remove() }

  /// Where temporary files go by an environment: `TMPDIR`, else `/tmp`.
  package static func parent(of environment: [String: String]) -> String {
    var folder = environment["TMPDIR"] ?? ""
    while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
    return folder.isEmpty ? "/tmp" : folder
  }

  /// Takes the folder away; what cannot be removed stays. A second call does nothing.
  package func remove() { try? RealFileSystem().removeTree(path) }
}
