import CLinux
import Glibc
import Synchronization

/// Is told on the loop's thread what a registered descriptor is ready for.
package protocol DescriptorHandler: AnyObject, Sendable {
  /// Called on the loop's thread and must not block; may deregister itself.
  func descriptorIsReady(_ events: DescriptorEvents)
}

/// What a descriptor is ready for, in epoll's terms.
package struct DescriptorEvents: OptionSet, Sendable, Hashable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let readable = DescriptorEvents(rawValue: EPOLLIN.rawValue)
  package static let writable = DescriptorEvents(rawValue: EPOLLOUT.rawValue)
  /// The peer sends no more.
  package static let peerClosed = DescriptorEvents(rawValue: EPOLLRDHUP.rawValue)
  /// Both ways are closed, or the socket has an error; told whether asked for or not.
  package static let hungUp = DescriptorEvents(rawValue: EPOLLHUP.rawValue | EPOLLERR.rawValue)
  /// The socket has an error, which the next call on it tells.
  package static let failed = DescriptorEvents(rawValue: EPOLLERR.rawValue)
  /// Tell changes only: the handler reads or writes until the kernel says it would block.
  package static let edgeTriggered = DescriptorEvents(rawValue: UInt32(bitPattern: Int32.min))
}

/// One registration: a descriptor and its generation, since the kernel reuses descriptors.
package struct Registration: Hashable, Sendable {
  let descriptor: Int32
  let generation: UInt32
}

/// A thread that waits for descriptors, timers and jobs, and never blocks otherwise.
///
/// It is a `TaskExecutor` (handlers run on it as tasks) and a `SerialExecutor` (actors that name
/// it as their `unownedExecutor` live on it, and may `assumeIsolated` in its callbacks). A loop
/// lives as long as the process.
package final class EventLoop: SerialExecutor, TaskExecutor, Sendable {
  private struct Slot {
    var generation: UInt32 = 0
    var handler: (any DescriptorHandler)?
  }

  private struct State {
    var jobs: [UnownedJob] = []
    var turnEnds: [@Sendable () -> Void] = []
    var slots: [Slot] = []
    var timers = TimerHeap()
    var isPolling = false
    var registered = 0
  }

  package let name: String
  private let epoll: Descriptor
  private let wakeup: Descriptor
  private let state = Mutex(State())
  private let thread = Atomic<UInt>(0)
  private let turnStart = Atomic<UInt64>(0)

  private init(name: String) throws(SystemError) {
    self.name = name
    let number = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard number >= 0 else { throw .last("epoll_create1") }
    epoll = Descriptor(owning: number)
    let event = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard event >= 0 else { throw .last("eventfd") }
    wakeup = Descriptor(owning: event)
    try control(EPOLL_CTL_ADD, wakeup.number, events: .readable, data: .max)
  }

  /// Makes a loop and starts its thread.
  package static func start(name: String) throws(SystemError) -> EventLoop {
    let loop = try EventLoop(name: name)
    _ = try LinuxThread.start(name: name) { loop.serve() }
    return loop
  }

  /// Starts `count` loops, by default one for each processor.
  package static func startGroup(name: String = "loop", count: Int = LinuxThread.processorCount)
    throws(SystemError) -> [EventLoop]
  {
    var loops: [EventLoop] = []
    for index in 0..<max(1, count) { loops.append(try start(name: "\(name)-\(index)")) }
    return loops
  }

  /// The loops that everything in this process shares, one for each processor.
  package static let shared: Result<[EventLoop], SystemError> = {
    do throws(SystemError) {
      return .success(try startGroup())
    } catch {
      return .failure(error)
    }
  }()

  /// When this turn of the loop began: a clock that costs nothing, for deadlines.
  package var turnTime: MonotonicTime {
    MonotonicTime(nanoseconds: turnStart.load(ordering: .relaxed))
  }

  /// Whether the caller runs on this loop's thread.
  package var isCurrent: Bool { thread.load(ordering: .relaxed) == LinuxThread.current }

  /// Registered descriptors, the measure by which new connections are spread.
  package var registrationCount: Int { state.withLock { $0.registered } }

  // MARK: Executor

  package func enqueue(_ job: consuming ExecutorJob) {
    let unowned = UnownedJob(job)
    let wake = state.withLock { state in
      state.jobs.append(unowned)
      return Self.takePolling(&state)
    }
    if wake { interrupt() }
  }

  package func isIsolatingCurrentContext() -> Bool? { isCurrent }

  package func checkIsolated() {
    precondition(isCurrent, "called off the thread of \(name)")
  }

  /// Runs `body` once all jobs of this turn have run, on the loop's thread.
  package func atEndOfTurn(_ body: @escaping @Sendable () -> Void) {
    let wake = state.withLock { state in
      state.turnEnds.append(body)
      return Self.takePolling(&state)
    }
    if wake { interrupt() }
  }

  // MARK: Timers

  /// One scheduled call.
  package struct Timer: Sendable, Hashable { fileprivate let id: UInt64 }

  /// Calls `body` on the loop's thread at `deadline` or soon after it.
  package func schedule(at deadline: MonotonicTime, _ body: @escaping @Sendable () -> Void) -> Timer
  {
    let (id, wake) = state.withLock { state in
      let id = state.timers.insert(deadline, body)
      return (id, Self.takePolling(&state))
    }
    if wake { interrupt() }
    return Timer(id: id)
  }

  /// Forgets a timer; it may be running at this moment when called from another thread.
  package func cancel(_ timer: Timer) { state.withLock { $0.timers.cancel(timer.id) } }

  // MARK: Descriptors

  /// Watches a descriptor; `handler` is kept until ``deregister(_:)``.
  package func register(
    _ descriptor: Int32, events: DescriptorEvents, handler: any DescriptorHandler
  ) throws(SystemError) -> Registration {
    guard descriptor >= 0 else { throw SystemError(call: "epoll_ctl", code: EBADF) }
    let generation: UInt32 = state.withLock { state in
      while state.slots.count <= Int(descriptor) { state.slots.append(Slot()) }
      state.slots[Int(descriptor)].generation &+= 1
      state.slots[Int(descriptor)].handler = handler
      state.registered += 1
      return state.slots[Int(descriptor)].generation
    }
    let registration = Registration(descriptor: descriptor, generation: generation)
    do {
      try control(EPOLL_CTL_ADD, descriptor, events: events, data: Self.data(registration))
    } catch {
      forget(registration)
      throw error
    }
    return registration
  }

  /// Watches for other events from now on.
  package func change(_ registration: Registration, events: DescriptorEvents) throws(SystemError) {
    try control(
      EPOLL_CTL_MOD, registration.descriptor, events: events, data: Self.data(registration))
  }

  /// Ends the watch; call it before the descriptor is closed. Events under way are not told.
  package func deregister(_ registration: Registration) {
    guard forget(registration) else { return }
    // A descriptor that is closed already has left epoll by itself.
    try? control(EPOLL_CTL_DEL, registration.descriptor, events: [], data: 0)
  }

  @discardableResult
  private func forget(_ registration: Registration) -> Bool {
    let gone: (any DescriptorHandler)? = state.withLock { state in
      let index = Int(registration.descriptor)
      guard index < state.slots.count,
        state.slots[index].generation == registration.generation,
        let handler = state.slots[index].handler
      else { return nil }
      state.slots[index].handler = nil
      state.registered -= 1
      return handler
    }
    return gone != nil
  }

  private func control(
    _ operation: Int32, _ descriptor: Int32, events: DescriptorEvents, data: UInt64
  ) throws(SystemError) {
    var event = epoll_event()
    event.events = events.rawValue
    event.data.u64 = data
    guard epoll_ctl(epoll.number, operation, descriptor, &event) == 0 else {
      throw .last("epoll_ctl")
    }
  }

  private static func data(_ registration: Registration) -> UInt64 {
    UInt64(registration.generation) << 32 | UInt64(UInt32(bitPattern: registration.descriptor))
  }

  // MARK: The thread

  private static func takePolling(_ state: inout State) -> Bool {
    defer { state.isPolling = false }
    return state.isPolling
  }

  private func interrupt() {
    var one: UInt64 = 1
    while write(wakeup.number, &one, 8) < 0, errno == EINTR {}
  }

  private func serve() -> Never {
    thread.store(LinuxThread.current, ordering: .relaxed)
    let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: 256)
    while true {
      turnStart.store(MonotonicTime.now().nanoseconds, ordering: .relaxed)
      let timeout = milliseconds()
      let ready = epoll_wait(epoll.number, events, 256, timeout)
      state.withLock { $0.isPolling = false }
      turnStart.store(MonotonicTime.now().nanoseconds, ordering: .relaxed)
      for index in 0..<max(0, Int(ready)) { dispatch(events[index]) }
      runTimers()
      runJobs()
    }
  }

  /// How long epoll may wait: not at all when something is due, for ever (-1) when nothing is.
  private func milliseconds() -> Int32 {
    let now = turnTime
    return state.withLock { state in
      guard state.jobs.isEmpty, state.turnEnds.isEmpty else { return 0 }
      var wait: Int32 = -1
      if let deadline = state.timers.nextDeadline() {
        guard now < deadline else { return 0 }
        let rounded = (deadline.nanoseconds - now.nanoseconds + 999_999) / 1_000_000
        wait = Int32(clamping: rounded)
      }
      state.isPolling = true
      return wait
    }
  }

  private func dispatch(_ event: epoll_event) {
    let data = event.data.u64
    guard data != .max else {
      var count: UInt64 = 0
      _ = read(wakeup.number, &count, 8)
      return
    }
    let handler: (any DescriptorHandler)? = state.withLock { state in
      let slot = state.slots[Int(UInt32(truncatingIfNeeded: data))]
      return slot.generation == UInt32(truncatingIfNeeded: data >> 32) ? slot.handler : nil
    }
    handler?.descriptorIsReady(DescriptorEvents(rawValue: event.events))
  }

  private func runTimers() {
    let now = turnTime
    // One turn runs no more than this many, so that descriptors are not starved.
    for _ in 0..<1024 {
      guard let body = state.withLock({ $0.timers.popDue(now) }) else { return }
      body()
    }
  }

  private func runJobs() {
    // Jobs make jobs; after this many rounds the descriptors get their turn again.
    for _ in 0..<64 {
      var jobs: [UnownedJob] = []
      state.withLock { swap(&$0.jobs, &jobs) }
      guard !jobs.isEmpty else { break }
      for job in jobs {
        job.runSynchronously(
          isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
      }
    }
    var ends: [@Sendable () -> Void] = []
    state.withLock { swap(&$0.turnEnds, &ends) }
    for end in ends { end() }
  }
}
