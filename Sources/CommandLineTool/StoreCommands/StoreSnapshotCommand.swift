import Bytes
import LinuxIO
import LogStore
import SpanStore
import Storage
import WireFormats

/// `sluice store snapshot`.
let storeSnapshotCommand = Command(
  name: "snapshot", summary: "Copy the data folder of a running server by hard links.",
  notes: """
    DIR must not exist and must be on the server's machine and on the data folder's file system.
    It holds every line and span that was acknowledged before, and is a data folder itself: set
    data_dir to it (or to a copy of it) to restore.
    Example: sluice store snapshot /var/lib/sluice-backup
    """,
  positional: "DIR",
  options: QueryOptions.server,
  run: { arguments, surroundings in
    guard arguments.positional.count == 1 else {
      throw UsageError(message: "one folder is needed, which does not exist yet")
    }
    // A shell's completion puts a slash behind a folder.
    var target = arguments.positional[0]
    while target.count > 1, target.hasSuffix("/") { target.removeLast() }
    let files = RealFileSystem()
    let isThere = try? files.status(target)
    guard isThere == .some(.none) else {
      throw CommandFailure(message: "\(target) exists already or cannot be looked at")
    }
    let parent = target.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
    if !parent.isEmpty, (try? files.status(parent)) == .some(.none) {
      throw CommandFailure(message: "there is no folder \(parent) for the copy to be in")
    }
    let connection = try ServerConnection(arguments)
    let answer = try await connection.post(SnapshotRoute.path)
    guard let made = (try? JSONValue.parse(answer))?["path"]?.stringValue else {
      throw CommandFailure(message: "the server did not say where the copy is")
    }
    do throws(SystemError) {
      try files.rename(made, to: target)
    } catch {
      throw CommandFailure(
        message: "the copy is made, at \(made) on the server's machine, but cannot be moved to "
          + "\(target): \(error.message)")
    }
    surroundings.output.write("\(terminalSafe(target))\n")
    return .success
  })
