import CLinux
import Glibc

/// A thread of our own, for loops and for calls that block without end.
package struct LinuxThread: Sendable {
  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  private let identity: UInt

  /// Starts a thread that runs `body` once; `name` is cut to the kernel's 15 bytes.
  ///
  /// The thread inherits the caller's signal mask. It must be joined or left to the process' end.
  package static func start(name: String, _ body: @escaping @Sendable () -> Void)
    throws(SystemError) -> LinuxThread
  {
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        linux_set_thread_name(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    guard code == 0 else {
      start.release()
      throw SystemError(call: "pthread_create", path: name, code: code)
    }
    return LinuxThread(identity: UInt(thread))
  }

  /// Starts a thread that nobody waits for: the system takes its memory back when it ends.
  ///
  /// A thread of ``start(name:_:)`` that is never joined keeps its stack after its end.
  package static func startDetached(name: String, _ body: @escaping @Sendable () -> Void)
    throws(SystemError)
  {
    pthread_detach(pthread_t(try start(name: name, body).identity))
  }

  /// Blocks the calling thread until this one's body has returned; call it once at most.
  package func join() { pthread_join(pthread_t(identity), nil) }

  /// Lets all others go first, for the processor and (where the scheduler heeds it) for the disk.
  /// For the calling thread alone, for good.
  package static func lowerPriority() {
    // On Linux a nice value belongs to a thread; I/O priority follows it.
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
  }

  /// A value that tells the calling thread from every other living one; never 0.
  package static var current: UInt { UInt(pthread_self()) }

  /// The processors that this process may run on, 1 at least.
  package static var processorCount: Int { Int(linux_processor_count()) }
}
