import Synchronization
import Testing

@testable import LinuxIO

struct LogTests {
  final class Lines: Sendable {
    let all = Mutex<[String]>([])
  }

  @Test func `Lines are logfmt with control characters escaped`() throws {
    let lines = Lines()
    let log = Log(
      "http",
      sink: LogSink { bytes in
        lines.all.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
      })
    log.warn("request refused", ["peer": "::1", "path": "/a b\n\u{1b}[2J\u{202e}", "n": 3])
    log.debug("left out")
    let line = try #require(lines.all.withLock { $0.first })
    #expect(lines.all.withLock { $0.count } == 1)
    let time = #/^ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /#
    #expect(line.firstMatch(of: time) != nil)
    #expect(
      line.hasSuffix(
        " level=warn component=http msg=\"request refused\" peer=::1"
          + " path=\"/a b\\n\\u001b[2J\\u202e\" n=3\n"))
  }

  @Test func `A repeated message is suppressed and counted`() {
    let sink = LogSink { _ in }
    let start = MonotonicTime(nanoseconds: 1_000)
    for _ in 0..<LogSink.repeatsMax { #expect(sink.admit("a", start) == 0) }
    for _ in 0..<7 { #expect(sink.admit("a", start) == nil) }
    #expect(sink.admit("b", start) == 0)
    let later = start.adding(seconds: LogSink.windowSeconds)
    #expect(sink.admit("a", later) == 7)
    #expect(sink.admit("a", later) == 0)
  }
}
