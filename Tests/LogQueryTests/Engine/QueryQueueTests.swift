import LinuxIO
import Synchronization
import TelemetryModel
import Testing

@testable import LogQuery

@Suite struct QueryQueueTests {
  private let busy = TenantID("busy") ?? .single
  private let quiet = TenantID("quiet") ?? .single

  /// Holds queries until it is opened.
  private final class Gate: Sendable {
    private let isOpen = Atomic(false)
    func open() { isOpen.store(true, ordering: .releasing) }
    func wait() { while !isOpen.load(ordering: .acquiring) { Pause.once() } }
  }

  private enum Pause {
    private static let event = try? ThreadSignal()
    static func once() { event?.wait(milliseconds: 1) }
  }

  private final class Order: Sendable {
    private let names = Mutex<[String]>([])
    func add(_ name: String) { names.withLock { $0.append(name) } }
    var all: [String] { names.withLock { $0 } }
  }

  private func untilWaiting(_ queue: QueryQueue, _ count: Int) async {
    while queue.waitingCount != count { await Task.yield() }
  }

  @Test func aQuietTenantDoesNotWaitForABusyOne() async throws {
    let executor = try BlockingExecutor(name: "test", threadCount: 2)
    defer { executor.shutdown() }
    let queue = QueryQueue(executor: executor, concurrentMax: 1)
    let gate = Gate()
    let order = Order()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { _ = await queue.run(busy) { gate.wait() } }
      while executor.load.running == 0 { await Task.yield() }
      for number in 0..<5 {
        group.addTask {
          _ = await queue.run(busy) { order.add("busy \(number)") }
        }
        await untilWaiting(queue, number + 1)
      }
      group.addTask { _ = await queue.run(quiet) { order.add("quiet") } }
      await untilWaiting(queue, 6)
      gate.open()
    }
    #expect(order.all == ["busy 0", "quiet", "busy 1", "busy 2", "busy 3", "busy 4"])
  }

  @Test func aTenantWithTooManyWaitingIsRefused() async throws {
    let executor = try BlockingExecutor(name: "test", threadCount: 1)
    defer { executor.shutdown() }
    let queue = QueryQueue(executor: executor, concurrentMax: 1, waitingPerTenantMax: 1)
    let gate = Gate()
    await withTaskGroup(of: Bool.self) { group in
      group.addTask { await queue.run(busy) { gate.wait() } != nil }
      while executor.load.running == 0 { await Task.yield() }
      group.addTask { await queue.run(busy) {} != nil }
      await untilWaiting(queue, 1)
      #expect(await queue.run(busy) { true } == nil)
      gate.open()
      for await ran in group { #expect(ran) }
    }
    #expect(await queue.run(busy) { true } == true)
  }

  @Test func whoGivesUpNeitherRunsNorKeepsAPlace() async throws {
    let executor = try BlockingExecutor(name: "test", threadCount: 1)
    defer { executor.shutdown() }
    let queue = QueryQueue(executor: executor, concurrentMax: 1)
    let gate = Gate()
    let first = Task { await queue.run(busy) { gate.wait() } != nil }
    while executor.load.running == 0 { await Task.yield() }
    let second = Task { await queue.run(quiet) { true } }
    await untilWaiting(queue, 1)
    second.cancel()
    #expect(await second.value == nil)
    #expect(queue.waitingCount == 0)
    gate.open()
    #expect(await first.value)
    #expect(await queue.run(quiet) { true } == true)
  }
}
