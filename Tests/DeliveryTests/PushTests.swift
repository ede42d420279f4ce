import Delivery
import TelemetryModel
import Testing
import WireFormats

@Suite struct PushTests {
  @Test(arguments: [
    (200, PushVerdict.accepted), (204, .accepted), (301, .retry), (400, .refused), (401, .refused),
    (404, .refused), (408, .retry), (413, .refused), (429, .retry), (500, .retry), (503, .retry),
  ])
  func verdictsFollowTheStatus(status: Int, verdict: PushVerdict) {
    #expect(PushVerdict(PushResponse(.status(status))) == verdict)
  }

  @Test func noAnswerIsARetry() { #expect(PushVerdict(PushResponse(.unreachable)) == .retry) }

  @Test func pausesDoubleUpToTheGreatestAndFollowTheServer() {
    var backoff = Backoff(least: .milliseconds(500), greatest: .seconds(5))
    let pauses = (0..<40).map { _ in backoff.next(retryAfterSeconds: nil, chance: 1) }
    #expect(Array(pauses.prefix(5)) == [0.5, 1, 2, 4, 5])
    #expect(pauses.allSatisfy { $0 <= 5 })
    #expect(backoff.next(retryAfterSeconds: 30, chance: 0) == 30)
    #expect(backoff.next(retryAfterSeconds: 1e9, chance: 0) == Backoff.retryAfterSecondsMax)
    backoff.reset()
    #expect(backoff.next(retryAfterSeconds: nil, chance: 0) == 0.25)
  }

  @Test func bodiesAreByTenantAndKeepEveryRow() throws {
    var batcher = PushBatcher(
      profiles: [
        BatchProfile(externalLabels: []), BatchProfile(externalLabels: [Label("dc", "x")]),
      ], bodyBytesMax: 300)
    var expected: [String: [String]] = [:]
    for number in 0..<50 {
      let tenant = number % 3 == 0 ? "t" : ""
      let line = "line \(number) with some text in it"
      expected[tenant, default: []].append(line)
      let isTaken = Array(line.utf8).withUnsafeBytes {
        batcher.add(
          line: $0, timestamp: Timestamp(nanoseconds: Int64(number)),
          labels: ["app": "a\(number % 2)", "dc": "own"],
          structuredMetadata: number % 4 == 0 ? [Label("id", "\(number)")] : [], tenant: tenant)
      }
      #expect(isTaken)
    }
    #expect(batcher.fullBodies > 0)
    let bodies = batcher.takeBodies()
    #expect(batcher.isEmpty)
    for profile in [
      BatchProfile(externalLabels: []), BatchProfile(externalLabels: [Label("dc", "x")]),
    ] {
      var lines: [String: [(Int64, String)]] = [:]
      for body in bodies where body.profile == profile.number {
        #expect(body.lineBytes <= 300)
        for stream in try LokiPushDecoder().decodeSnappy(body.bytes).streams {
          #expect(stream.labels["dc"] == "own")
          for row in 0..<stream.count {
            let entry = stream.entry(row)
            lines[body.tenant, default: []].append(
              (entry.timestamp.nanoseconds, String(decoding: entry.line, as: UTF8.self)))
            #expect(entry.structuredMetadata.isEmpty == (entry.timestamp.nanoseconds % 4 != 0))
          }
        }
      }
      for (tenant, all) in expected {
        #expect(lines[tenant]?.sorted { $0.0 < $1.0 }.map(\.1) == all)
      }
    }
  }
}
