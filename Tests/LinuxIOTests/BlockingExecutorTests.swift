import Foundation
import Synchronization
import Testing

@testable import LinuxIO

@Suite struct BlockingExecutorTests {
  final class Seen: Sendable {
    let running = Mutex((now: 0, most: 0))
    let threads = Mutex<Set<UInt>>([])
  }

  struct Broken: Error, Equatable { let code: Int }

  @Test func blockingWorkRunsSideBySide() async throws {
    let executor = try BlockingExecutor(name: "test", threadCount: 8)
    let seen = Seen()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<40 {
        group.addTask {
          await executor.run {
            seen.running.withLock {
              $0.now += 1
              $0.most = max($0.most, $0.now)
            }
            usleep(10_000)
            seen.running.withLock { $0.now -= 1 }
          }
        }
      }
    }
    let most = seen.running.withLock { $0.most }
    #expect(most > 1 && most <= 8)
    #expect(executor.load.waiting == 0)
    executor.shutdown()
  }

  @Test func resultsAndTypedErrorsComeBack() async throws {
    let executor = try BlockingExecutor(name: "test", threadCount: 1)
    #expect(await executor.run { 41 + 1 } == 42)
    do throws(Broken) {
      try await executor.run { () throws(Broken) in throw Broken(code: 7) }
      Issue.record("nothing was thrown")
    } catch {
      #expect(error == Broken(code: 7))
    }
    executor.shutdown()
    // Work that comes after the end is still done.
    #expect(await executor.run { true })
  }

  @Test func tasksMayPreferIt() async throws {
    let executor = try BlockingExecutor(name: "test", threadCount: 2)
    let seen = Seen()
    for _ in 0..<20 {
      await Task(executorPreference: executor) {
        seen.threads.withLock { _ = $0.insert(LinuxThread.current) }
      }.value
    }
    #expect(seen.threads.withLock { $0.count } <= 2)
    executor.shutdown()
  }

  @Test func workBeyondTheQueueIsRefused() async throws {
    let executor = try BlockingExecutor(name: "test", threadCount: 1, waitingMax: 2)
    let gate = Mutex(false)
    for _ in 0..<3 {
      executor.submit { while !gate.withLock({ $0 }) { usleep(1000) } }
    }
    while executor.load.running == 0 { try await Task.sleep(for: .milliseconds(1)) }
    #expect(executor.load.waiting == 2)
    #expect(await executor.runIfAdmitted { 1 } == nil)
    gate.withLock { $0 = true }
    #expect(await executor.run { 2 } == 2)
    #expect(await executor.runIfAdmitted { 1 } == 1)
    executor.shutdown()
  }
}
