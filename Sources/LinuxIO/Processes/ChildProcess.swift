import CLinux
import Glibc
import Synchronization

/// A program that was started, and the pipe with what it writes.
///
/// It gets a process group of its own, no input, and none of this process' descriptors but its
/// standard error. Must be waited for in the end.
package final class ChildProcess: Sendable {
  /// What the program writes to its standard output.
  package let output: PipeReader
  private let identity: pid_t
  private let isReaped = Mutex(false)

  /// Starts a program, found by `PATH` where its name has no slash.
  package init(_ arguments: [String], includesStandardError: Bool = false) throws(SystemError) {
    precondition(!arguments.isEmpty, "a program is needed")
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .last("pipe") }
    let (readEnd, writeEnd) = (ends[0], ends[1])
    _ = linux_fcntl_int(readEnd, F_SETFD, Int(FD_CLOEXEC))
    _ = linux_fcntl_int(writeEnd, F_SETFD, Int(FD_CLOEXEC))
    defer { close(writeEnd) }
    output = PipeReader(Descriptor(owning: readEnd))
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, writeEnd, 1)
    if includesStandardError { posix_spawn_file_actions_adddup2(&actions, writeEnd, 2) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Signals that this process blocks or ignores are the program's own affair.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    pointers.append(nil)
    var made = pid_t()
    let code = posix_spawnp(&made, arguments[0], &actions, &attributes, pointers, environ)
    guard code == 0 else {
      throw SystemError(call: "posix_spawn", path: arguments[0], code: code)
    }
    identity = made
  }

  deinit { end() }

  /// Waits for the program's end and gives its status: its own, or 128 and the signal's number.
  @discardableResult
  package func wait() -> Int32 {
    isReaped.withLock { isReaped in
      guard !isReaped else { return 0 }
      var status: Int32 = 0
      while waitpid(identity, &status, 0) < 0, errno == EINTR {}
      isReaped = true
      return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f)
    }
  }

  /// Ends the program and what it started, at once, unless it was waited for.
  package func end() {
    isReaped.withLock { isReaped in
      guard !isReaped else { return }
      kill(-identity, SIGKILL)
      var status: Int32 = 0
      while waitpid(identity, &status, 0) < 0, errno == EINTR {}
      isReaped = true
    }
  }
}
