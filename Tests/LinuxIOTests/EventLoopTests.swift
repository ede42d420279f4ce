import Foundation
import Synchronization
import Testing

@testable import LinuxIO

@Suite struct EventLoopTests {
  @Test func tasksAndActorsRunOnTheLoop() async throws {
    actor Resident {
      nonisolated let loop: EventLoop
      var count = 0
      nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
      init(_ loop: EventLoop) { self.loop = loop }
      func add() -> Bool {
        count += 1
        return loop.isCurrent
      }
    }
    let loop = try EventLoop.start(name: "test")
    #expect(!loop.isCurrent)
    let resident = Resident(loop)
    await withTaskGroup(of: Bool.self) { group in
      for index in 0..<200 {
        group.addTask(executorPreference: index % 2 == 0 ? loop : nil) {
          await resident.add()
        }
      }
      for await isOnLoop in group { #expect(isOnLoop) }
    }
    #expect(await resident.count == 200)
    #expect(await Task(executorPreference: loop) { loop.isCurrent }.value)
  }

  @Test func timersFireInOrderAndCanBeForgotten() async throws {
    let loop = try EventLoop.start(name: "test")
    let fired = Mutex<[Int]>([])
    let now = MonotonicTime.now()
    await withCheckedContinuation { continuation in
      // On the loop itself no timer fires before all are there, however slow the machine is.
      loop.atEndOfTurn {
        for index in [3, 1, 2] {
          _ = loop.schedule(at: now.adding(seconds: 0.05 * Double(index))) {
            fired.withLock { $0.append(index) }
            if index == 3 { continuation.resume() }
          }
        }
        let forgotten = loop.schedule(at: now.adding(seconds: 0.1)) {
          fired.withLock { $0.append(99) }
        }
        loop.cancel(forgotten)
      }
    }
    #expect(fired.withLock { $0 } == [1, 2, 3])
    #expect(MonotonicTime.now().seconds(since: now) >= 0.15)
  }

  @Test func theHeapAgreesWithSorting() {
    var heap = TimerHeap()
    var model: [(deadline: UInt64, id: UInt64)] = []
    for round in 0..<5000 {
      if round % 3 == 2, let victim = model.randomElement() {
        heap.cancel(victim.id)
        model.removeAll { $0.id == victim.id }
      } else {
        let deadline = UInt64.random(in: 0...1000)
        model.append((deadline, heap.insert(MonotonicTime(nanoseconds: deadline)) {}))
      }
      #expect(heap.nextDeadline()?.nanoseconds == model.map(\.deadline).min())
    }
    #expect(heap.count == model.count)
    let due = model.filter { $0.deadline <= 500 }.count
    var popped = 0
    while heap.popDue(MonotonicTime(nanoseconds: 500)) != nil { popped += 1 }
    #expect(popped == due)
    #expect(heap.count == model.count - due)
  }

  @Test func theQueueAgreesWithAnArray() {
    var queue = Deque<Int>()
    var model: [Int] = []
    for number in 0..<20_000 {
      if Int.random(in: 0..<5) < 3 {
        queue.append(number)
        model.append(number)
      } else {
        #expect(queue.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
      }
      #expect(queue.count == model.count)
      #expect(queue.first == model.first)
    }
  }

  @Test func aReusedDescriptorIsNotMistaken() async throws {
    final class Counter: DescriptorHandler {
      let count = Mutex(0)
      func descriptorIsReady(_ events: DescriptorEvents) { count.withLock { $0 += 1 } }
    }
    let loop = try EventLoop.start(name: "test")
    var pair: [Int32] = [0, 0]
    try #require(pipe(&pair) == 0)
    let first = Counter()
    let second = Counter()
    let stale = try loop.register(pair[0], events: .readable, handler: first)
    loop.deregister(stale)
    let fresh = try loop.register(
      pair[0], events: [.readable, .edgeTriggered], handler: second)
    loop.deregister(stale)
    var byte: UInt8 = 1
    write(pair[1], &byte, 1)
    for _ in 0..<3000 where second.count.withLock({ $0 }) == 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(first.count.withLock { $0 } == 0)
    #expect(second.count.withLock { $0 } == 1)
    loop.deregister(fresh)
    #expect(throws: SystemError.self) {
      try loop.register(-1, events: .readable, handler: first)
    }
    close(pair[0])
    close(pair[1])
  }
}
