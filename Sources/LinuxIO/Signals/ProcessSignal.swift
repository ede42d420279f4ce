import CLinux
import Glibc
import Synchronization

/// A signal that the process answers to.
package enum ProcessSignal: Int32, Sendable, CaseIterable {
  case hangup = 1
  case interrupt = 2
  case terminate = 15

  /// Blocks these signals in the calling thread and in those that it starts, and ignores SIGPIPE.
  ///
  /// Call it first in the process, so that no thread takes a signal in the old way.
  package static func block() {
    ignoreBrokenPipes()
    let numbers = allCases.map(\.rawValue)
    linux_block_signals(numbers, Int32(numbers.count))
  }

  /// Makes a write to a closed pipe or socket an error instead of the process' end (SIGPIPE).
  package static func ignoreBrokenPipes() { linux_ignore_sigpipe() }

  /// The signals as they come; the stream ends when it is no longer read.
  ///
  /// The 16 newest wait while nobody reads. Call ``block()`` before.
  package static func deliveries(on loop: EventLoop) throws(SystemError)
    -> AsyncStream<ProcessSignal>
  {
    let (stream, continuation) = AsyncStream.makeStream(
      of: ProcessSignal.self, bufferingPolicy: .bufferingNewest(16))
    let watcher = SignalWatcher(continuation)
    try watcher.start(on: loop)
    continuation.onTermination = { _ in watcher.stop() }
    return stream
  }
}

/// Reads a signalfd(2) on a loop.
private final class SignalWatcher: DescriptorHandler, Sendable {
  private struct Watch {
    var descriptor: Int32
    var registration: Registration
    var loop: EventLoop
  }

  private let continuation: AsyncStream<ProcessSignal>.Continuation
  private let watch = Mutex<Watch?>(nil)

  init(_ continuation: AsyncStream<ProcessSignal>.Continuation) {
    self.continuation = continuation
  }

  func start(on loop: EventLoop) throws(SystemError) {
    let numbers = ProcessSignal.allCases.map(\.rawValue)
    let descriptor = linux_signal_descriptor(numbers, Int32(numbers.count))
    guard descriptor >= 0 else { throw .last("signalfd") }
    let registration = try loop.register(descriptor, events: .readable, handler: self)
    watch.withLock { $0 = Watch(descriptor: descriptor, registration: registration, loop: loop) }
  }

  func descriptorIsReady(_ events: DescriptorEvents) {
    guard let descriptor = watch.withLock({ $0?.descriptor }) else { return }
    while case let number = linux_next_signal(descriptor), number != 0 {
      if let signal = ProcessSignal(rawValue: number) { continuation.yield(signal) }
    }
  }

  func stop() {
    let ended = watch.withLock { watch in
      defer { watch = nil }
      return watch
    }
    guard let ended else { return }
    ended.loop.deregister(ended.registration)
    close(ended.descriptor)
  }
}

/// Limits that the kernel and the C library put on this process.
package enum ProcessLimits {
  /// Lets buffers of up to 4 MiB be used again instead of being given back to the kernel.
  ///
  /// Without it, each body of a megabyte is 256 page faults, which cost three times as much as
  /// receiving it. Up to 32 MiB of each thread's freed memory stay with the process.
  /// Where memory is spared it stays at little.
  package static func keepFreedBuffers() {
    guard !sparesMemory.load(ordering: .relaxed) else { return }
    linux_keep_freed_memory(4 << 20, 32 << 20)
  }

  private static let sparesMemory = Atomic<Bool>(false)

  /// For a program that is small beside others: all threads share one arena, of which 4 MiB that
  /// are free stay with the process. To be called before threads are started.
  package static func spareMemory() {
    sparesMemory.store(true, ordering: .relaxed)
    linux_share_one_arena()
    linux_keep_freed_memory(4 << 20, 4 << 20)
  }

  /// Gives memory that was freed back to the kernel where more than `bytes` of it are still with
  /// the process; true when that was so. Takes some milliseconds, for which other threads may have
  /// to wait when they want memory.
  ///
  /// Each thread's arena keeps what was freed in it for its own next use: what a head takes would
  /// stay once for each thread that ever took rows.
  @discardableResult
  package static func giveBackFreed(above bytes: Int) -> Bool {
    linux_give_back_freed(max(0, bytes)) == 1
  }

  /// Gives the pages of code back that were needed for the start alone; what is still needed comes
  /// back by itself.
  package static func giveBackCode() { linux_give_back_code() }

  /// Raises the soft limit of open files to the hard one; the limit after that.
  @discardableResult
  package static func raiseOpenFiles() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 else {
      return 1024
    }
    if limit.rlim_cur < limit.rlim_max {
      limit.rlim_cur = limit.rlim_max
      setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
      getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
    }
    return Int(clamping: limit.rlim_cur)
  }
}
