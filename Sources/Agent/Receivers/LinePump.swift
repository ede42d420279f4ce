import Configuration
import LinuxIO
import LogSources
import TelemetryModel

/// Reads lines of a pipe into an inbox; for a thread that may block.
struct LinePump {
  enum Outcome: Hashable {
    case ended, stopped
  }

  private static let lineBytesMax = 4 << 20
  private static let waitMilliseconds: Int32 = 200

  private let inbox: ReceiverInbox

  init(_ inbox: ReceiverInbox) { self.inbox = inbox }

  /// Reads to the pipe's end; its last line counts without a newline too.
  func run(_ pipe: PipeReader, stop: StopFlag) -> Outcome {
    var pending: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    guard let pause = try? ThreadSignal() else { return .stopped }
    while !stop.isSet {
      guard inbox.hasRoom(orCall: pause.set) else {
        pause.wait(milliseconds: Self.waitMilliseconds)
        continue
      }
      let moved = buffer.withUnsafeMutableBytes {
        pipe.read(into: $0, milliseconds: Self.waitMilliseconds)
      }
      switch moved {
      case .bytes(let count):
        buffer.withUnsafeBytes { all in
          split(UnsafeRawBufferPointer(rebasing: all[..<count]), &pending)
        }
      case .wouldBlock: continue
      case .endOfStream, .failed:
        if !pending.isEmpty { offer(pending) }
        return .ended
      }
    }
    return .stopped
  }

  private func split(_ bytes: UnsafeRawBufferPointer, _ pending: inout [UInt8]) {
    var start = 0
    while let end = bytes[start...].firstIndex(of: 10) {
      pending.append(contentsOf: bytes[start..<end])
      offer(pending)
      pending.removeAll(keepingCapacity: true)
      start = end + 1
    }
    pending.append(contentsOf: bytes[start...])
    if pending.count >= Self.lineBytesMax {
      offer(pending)
      pending = []
    }
  }

  private func offer(_ line: [UInt8]) {
    var line = line
    if line.last == 13 { line.removeLast() }
    _ = inbox.offer(Received(.message(line)), isReadAlready: true)
  }
}

/// Runs a job's program over and over, or once, on a thread of its own.
struct CommandReader: Sendable {
  private static let failurePauseSeconds = 5.0

  private let settings: CommandConfiguration
  private let inbox: ReceiverInbox
  private let log: Log
  private let job: String

  init(_ settings: CommandConfiguration, inbox: ReceiverInbox, job: String) {
    self.settings = settings
    self.inbox = inbox
    self.job = job
    log = Log("command")
  }

  func run(stop: StopFlag) {
    while !stop.isSet {
      var seconds = settings.interval.seconds
      do throws(SystemError) {
        let child = try ChildProcess(
          settings.arguments, includesStandardError: settings.includeStandardError)
        guard LinePump(inbox).run(child.output, stop: stop) == .ended else {
          child.end()
          return
        }
        let status = child.wait()
        log.info("a program has ended", ["job": job, "status": status])
      } catch {
        log.error("a program cannot be started", ["job": job, "error": error.message])
        seconds = max(seconds, Self.failurePauseSeconds)
      }
      guard settings.interval > .zero else { return }
      pause(seconds, stop)
    }
  }

  private func pause(_ seconds: Double, _ stop: StopFlag) {
    guard let signal = try? ThreadSignal() else { return }
    let deadline = MonotonicTime.now().adding(seconds: seconds)
    while !stop.isSet, MonotonicTime.now() < deadline { signal.wait(milliseconds: 100) }
  }
}
