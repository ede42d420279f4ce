package import Bytes
import CLinux
import Glibc

/// Tells what changes in folders, through inotify(7); for one thread.
///
/// It sees what this machine's programs do, not what other machines do on a network file system:
/// who watches with it must look by itself now and then.
package final class FolderWatch {
  /// What happened to a name in a watched folder.
  package struct Change: Hashable, Sendable {
    /// The folder as it was given to ``add(_:)``.
    @ByteText package var folder: String
    /// The name in it; empty for the folder itself.
    @ByteText package var name: String
    /// A name came or went (created, deleted, renamed), as opposed to new bytes in a file.
    package var isStructural: Bool
  }

  private let watch: Descriptor
  private var folders: [Int32: String] = [:]
  private var numbers: [ByteText: Int32] = [:]
  private var buffer = [UInt8](repeating: 0, count: 64 * 1024)

  package init() throws(SystemError) {
    let number = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
    guard number >= 0 else { throw .last("inotify_init1") }
    watch = Descriptor(owning: number)
  }

  /// The folders that are watched now.
  package var watched: Set<ByteText> { Set(numbers.keys) }

  /// Watches a folder; does nothing when it is watched. Throws ENOSPC at the user's limit
  /// (fs.inotify.max_user_watches).
  package func add(_ folder: String) throws(SystemError) {
    guard numbers[folder] == nil else { return }
    let events =
      IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF
      | IN_MOVE_SELF | IN_ATTRIB
    let number = inotify_add_watch(watch.number, folder, UInt32(events))
    guard number >= 0 else { throw .last("inotify_add_watch", path: folder) }
    if let other = folders[number] { numbers[other] = nil }
    folders[number] = folder
    numbers[folder] = number
  }

  /// Ends the watch of a folder, if there is one.
  package func remove(_ folder: String) {
    guard let number = numbers.removeValue(forKey: folder) else { return }
    folders[number] = nil
    inotify_rm_watch(watch.number, number)
  }

  /// Blocks until there are changes to take or the time is over; can return early.
  package func wait(milliseconds: Int) {
    var watched = pollfd(fd: watch.number, events: Int16(POLLIN), revents: 0)
    poll(&watched, 1, Int32(clamping: max(0, milliseconds)))
  }

  /// Reads the changes that wait, without blocking.
  ///
  /// `isComplete` is false when the kernel dropped some: everything may have changed then.
  package func takeChanges() -> (changes: [Change], isComplete: Bool) {
    var changes: [Change] = []
    var isComplete = true
    // Bounded, so that a busy folder cannot keep the thread here.
    for _ in 0..<16 {
      let count = buffer.withUnsafeMutableBytes { read(watch.number, $0.baseAddress, $0.count) }
      guard count > 0 else { break }
      buffer.withUnsafeBytes { bytes in
        let header = MemoryLayout<inotify_event>.size
        var at = 0
        while at + header <= count {
          let event = bytes.loadUnaligned(fromByteOffset: at, as: inotify_event.self)
          let end = min(count, at + header + Int(event.len))
          let name = String(
            decoding: bytes[(at + header)..<end].prefix { $0 != 0 }, as: UTF8.self)
          at = end
          note(event, name: name, &changes, &isComplete)
        }
      }
    }
    return (changes, isComplete)
  }

  private func note(
    _ event: inotify_event, name: String, _ changes: inout [Change], _ isComplete: inout Bool
  ) {
    if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
      isComplete = false
      return
    }
    guard let folder = folders[event.wd] else { return }
    if event.mask & UInt32(IN_IGNORED) != 0 {
      folders[event.wd] = nil
      if numbers[folder] == event.wd { numbers[folder] = nil }
      return
    }
    let isStructural = event.mask & UInt32(IN_MODIFY | IN_ATTRIB) == 0
    let change = Change(folder: folder, name: name, isStructural: isStructural)
    if changes.last != change { changes.append(change) }
  }
}
