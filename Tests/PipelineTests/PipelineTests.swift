import Configuration
import LinuxIO
import LogSources
import Pipeline
import TelemetryModel
import TestSupport
import Testing
import WireFormats

/// An output kept beyond the call that handed it over.
private struct Kept: Equatable {
  var labels: Labels
  var line: String
  var timestamp: Timestamp
  var metadata: [Label]
  var tenant: String?
  var origins: [Int64]

  init(_ output: PipelineOutput) {
    labels = output.labels
    line = String(decoding: output.line, as: UTF8.self)
    timestamp = output.timestamp
    metadata = output.structuredMetadata
    tenant = output.tenant
    origins = output.earlierOrigins.map(\.start) + [output.origin.start]
  }
}

/// A pipeline whose lines are numbered by their origins.
private final class Bench {
  let clock = ManualClock()
  let pipeline: Pipeline
  var outputs: [Kept] = []
  private var count: Int64 = 0

  init(_ stages: String) throws {
    let node = try YAMLNode.parse(stages)
    pipeline = try Pipeline(
      stages: try StageConfiguration.list(node, path: "stages", file: "test.yml"),
      jobName: "test", clock: clock)
  }

  func send(_ line: String, _ labels: Labels = ["app": "a"]) {
    Array(line.utf8).withUnsafeBytes { bytes in
      pipeline.process(
        line: bytes, timestamp: Timestamp(seconds: count), labels: labels,
        origin: LineOrigin(source: 1, start: count, length: 1)
      ) { outputs.append(Kept($0)) }
    }
    count += 1
  }

  var held: [Int64] {
    var held: [Int64] = []
    pipeline.heldOrigins { held.append($0.start) }
    return held.sorted()
  }
}

@Suite struct PipelineTests {
  @Test func blocksCarryTheOriginsOfTheirLines() throws {
    let bench = try Bench("[{multiline: {firstline: '^>', max_wait_time: 2s}}]")
    #expect(bench.pipeline.holdsLines)
    #expect(bench.pipeline.nextDeadline == nil)
    for line in ["before", "> one", "two", "three"] { bench.send(line) }
    #expect(bench.outputs.map(\.line) == ["before"])
    #expect(bench.held == [1, 2, 3])
    bench.send("> four")
    #expect(bench.outputs.map(\.line) == ["before", "> one\ntwo\nthree"])
    #expect(bench.outputs[1].origins == [1, 2, 3])
    #expect(bench.held == [4])
    let deadline = try #require(bench.pipeline.nextDeadline)
    #expect(deadline == bench.clock.now() + 2_000_000_000)
    bench.clock.advance(seconds: 1.9)
    bench.pipeline.expire { bench.outputs.append(Kept($0)) }
    #expect(bench.held == [4])
    bench.clock.advance(seconds: 0.2)
    bench.pipeline.expire { bench.outputs.append(Kept($0)) }
    #expect(bench.outputs.last?.origins == [4])
    #expect(bench.held.isEmpty)
    #expect(bench.pipeline.nextDeadline == nil)
  }

  @Test func streamsHaveBlocksOfTheirOwn() throws {
    let bench = try Bench("[{multiline: {firstline: '^>'}}]")
    bench.send("> a1", ["s": "a"])
    bench.send("> b1", ["s": "b"])
    bench.send("a2", ["s": "a"])
    bench.send("b2", ["s": "b"])
    bench.pipeline.flush { bench.outputs.append(Kept($0)) }
    #expect(Set(bench.outputs.map(\.line)) == ["> a1\na2", "> b1\nb2"])
    #expect(bench.held.isEmpty)
  }

  @Test func partialLinesCarryTheirOrigins() throws {
    let bench = try Bench("[{cri: {}}]")
    bench.send("2024-12-01T12:00:00Z stdout P one ")
    bench.send("2024-12-01T12:00:01Z stdout P two ")
    #expect(bench.held == [0, 1])
    bench.send("2024-12-01T12:00:02Z stdout F three")
    #expect(bench.outputs.map(\.line) == ["one two three"])
    #expect(bench.outputs[0].origins == [0, 1, 2])
    #expect(bench.held.isEmpty)
  }

  /// Whatever comes in is emitted once, held, or dropped and counted: never lost, never twice.
  @Test func accountsForEveryLine() throws {
    let bench = try Bench(
      """
      - cri: {max_partial_lines: 2}
      - multiline: {firstline: '^>', max_lines: 3}
      - drop: {expression: 'x'}
      - match: {selector: '{app="b"} |= "y"', action: drop}
      """)
    var sent = 0
    let texts = ["> a", "b", "x", "y", "", "> xy"]
    for _ in 0..<3_000 {
      let flag = Bool.random() ? "P" : "F"
      let prefix = Int.random(in: 0..<4) == 0 ? "" : "2024-12-01T12:00:00Z stdout \(flag) "
      bench.send(prefix + (texts.randomElement() ?? ""), ["app": ["a", "b"].randomElement() ?? ""])
      sent += 1
      if Int.random(in: 0..<50) == 0 {
        bench.clock.advance(seconds: 4)
        bench.pipeline.expire { bench.outputs.append(Kept($0)) }
      }
    }
    let out = bench.outputs.flatMap(\.origins)
    let held = bench.held
    #expect(Set(out).count == out.count)
    #expect(Set(held).isDisjoint(with: out))
    #expect(out.count + held.count <= sent)
    let drops = bench.pipeline.drops
    #expect(Set(drops.map(\.reason)) == ["drop_stage", "match_stage"])
    // A dropped block counts as one line and stands for several.
    #expect(out.count + held.count + Int(drops.reduce(0) { $0 + $1.lines }) <= sent)
  }

  @Test func labelsAreSharedAndTenantsTakenOut() throws {
    let bench = try Bench(
      """
      - logfmt: {mapping: {level: , org: }}
      - labels: {level: }
      - tenant: {source: org}
      """)
    for _ in 0..<3 { bench.send("level=warn org=acme") }
    bench.send("level=info")
    #expect(bench.outputs[0].labels == ["app": "a", "level": "warn"])
    #expect(bench.outputs[0].tenant == "acme")
    #expect(bench.outputs[3].tenant == nil)
    #expect(bench.outputs[3].labels == ["app": "a", "level": "info"])
    let first = bench.outputs[0].labels.sorted.withUnsafeBufferPointer { $0.baseAddress }
    let second = bench.outputs[1].labels.sorted.withUnsafeBufferPointer { $0.baseAddress }
    #expect(first == second)
  }

  @Test func bytesThatAreNotUTF8Survive() throws {
    let bench = try Bench("[{regex: {expression: 'k=(?P<v>\\S+)'}}, {labels: {v: }}]")
    let line: [UInt8] = [0xff, 0x20] + Array("k=".utf8) + [0xfe]
    var seen: [UInt8] = []
    line.withUnsafeBytes { bytes in
      bench.pipeline.process(
        line: bytes, timestamp: .zero, labels: [:],
        origin: LineOrigin(source: 1, start: 0, length: 1)
      ) { output in
        seen = Array(output.line)
        #expect(output.labels == Labels.none)
      }
    }
    #expect(seen == line)
  }

  @Test func limitWithoutDropAsksToWait() throws {
    let bench = try Bench("[{limit: {rate: 2, burst: 1}}]")
    bench.send("1")
    #expect(bench.pipeline.readAgainAt == nil)
    bench.send("2")
    let until = try #require(bench.pipeline.readAgainAt)
    #expect(until == bench.clock.now() + 500_000_000)
    bench.clock.advance(seconds: 0.6)
    #expect(bench.pipeline.readAgainAt == nil)
    #expect(bench.outputs.count == 2)
  }

  @Test(arguments: [
    ("[{json: {expressions: {a: 'b..c'}}}]", "test.yml:1:24: `stages[0].json.expressions.a`"),
    ("[{json: {expresions: {a: }}}]", "is needed"),
    ("[{regex: {expression: a, sorce: b}}]", "did you mean `source`?"),
    ("[{geoip: {db: x}}]", "known to Promtail, not supported by Sluice yet"),
    ("[{match: {selector: '{a=\"b\"}', stages: [{output: {}}]}}]", "stages[0].match.stages[0]"),
    ("[{timestamp: {source: a, format: RFC3339, location: Nowhere/X}}]", "no known time zone"),
  ])
  func refusesWithPlace(_ stages: String, _ part: String) {
    #expect {
      _ = try Bench(stages)
    } throws: { error in
      let message = (error as? PipelineError)?.message ?? "\(error)"
      if !message.contains(part) { print("got: \(message)") }
      return message.contains(part)
    }
  }

  /// Lines of rubbish through every stage: they come out or not, and nothing ends.
  @Test func survivesRubbish() throws {
    let bench = try Bench(
      """
      - docker: {}
      - cri: {max_partial_line_size: 5, max_partial_line_size_truncate: true}
      - json: {expressions: {a: , b: a.b, c: "c[0] || d"}}
      - json: {expressions: {x: , y: x.z}, source: a}
      - logfmt: {mapping: {a: , b: }}
      - regex: {expression: '(?P<a>.)(?P<t>\\d+)?'}
      - timestamp: {source: t, format: Unix, fallback_formats: [RFC3339, Jan 2]}
      - labels: {a: , b: }
      - structured_metadata: {a: }
      - decolorize: {}
      - multiline: {firstline: '^\\{'}
      - pack: {labels: [b, a]}
      - output: {source: c}
      """)
    let letters = Array(#"{}[]",:\ abxz01="#.utf8) + [0xff, 0x1b, 0x0a, 0xc3, 0xa9]
    for _ in 0..<5_000 {
      let line = (0..<Int.random(in: 0...40)).compactMap { _ in letters.randomElement() }
      line.withUnsafeBytes { bytes in
        bench.pipeline.process(
          line: bytes, timestamp: .zero, labels: ["app": "x"],
          origin: LineOrigin(source: 1, start: 0, length: 1)
        ) { _ in }
      }
    }
  }
}
