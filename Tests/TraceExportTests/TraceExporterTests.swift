import Configuration
import HTTP
import LinuxIO
import Synchronization
import TelemetryModel
import TestSupport
import Testing
import TraceFormats

@testable import TraceExport

struct TraceSamplerTests {
  @Test func takesAboutThePartAndWholeTracesOnly() {
    var random = SystemRandomNumberGenerator()
    let ids = (0..<20_000).map { _ in TraceID(high: random.next(), low: random.next()) }
    for part in [0, 0.1, 0.5, 1] {
      let sampler = TraceSampler(part: part)
      let taken = Double(ids.count(where: sampler.takes)) / Double(ids.count)
      #expect(abs(taken - part) < 0.02)
      #expect(ids.prefix(50).allSatisfy { sampler.takes($0) == TraceSampler(part: part).takes($0) })
    }
    let (small, large) = (TraceSampler(part: 0.1), TraceSampler(part: 0.3))
    #expect(ids.allSatisfy { !small.takes($0) || large.takes($0) })
    // Ids that count up are spread as well.
    let counted = (0..<20_000).map { TraceID(high: 0, low: UInt64($0)) }
    #expect(abs(Double(counted.count(where: small.takes)) / 20_000 - 0.1) < 0.02)
  }

  @Test func leavesNothingEmptyBehind() {
    let batches = (0..<200).map { number -> ResourceSpans in
      var span = Span()
      span.traceID = TraceID(high: 1, low: UInt64(number))
      var group = ScopeSpans()
      group.spans = [span]
      var batch = ResourceSpans()
      batch.scopes = [group]
      return batch
    }
    let sampled = TraceSampler(part: 0.5).sample(batches)
    #expect(!sampled.isEmpty && sampled.count < 200)
    #expect(sampled.allSatisfy { $0.scopes.allSatisfy { !$0.spans.isEmpty } && !$0.scopes.isEmpty })
  }
}
