import Configuration
import TelemetryModel
import WireFormats

/// A file of pipeline tests, kept beside a configuration:
///
/// ```yaml
/// config: pipeline.yml              # beside this file; pipeline.yml by default
/// tests:
///   - name: levels become labels
///     job: cam-os                   # of the configuration, or pipeline_stages: [ … ]
///     now: 2026-11-21T06:00:00Z     # the clock; optional
///     input:
///       - '{"level":"INFO"}'        # a line alone, or a mapping
///       - {line: …, labels: {…}, timestamp: …, structured_metadata: {…}, after: 3s}
///     expect:                       # every line that comes out, in order
///       - {line: …, labels: {…}, timestamp: …, structured_metadata: {…}, tenant: …}
///     dropped: {drop_stage: 1}      # by reason; optional
///     metrics: ['promtail_custom_lines{job="x"} 2']     # must be among them; optional
/// ```
///
/// Of an expected line only what is written is compared.
struct PipelineTestFile {
  struct Test {
    var name: String
    var job: String
    var stages: [StageConfiguration]
    var now: Timestamp
    var input: [Line]
    var expected: [Expectation]
    var dropped: [String: UInt64]?
    var metrics: [String]
    var mark: YAMLMark
  }

  struct Line {
    var line: String
    var labels: [Label] = []
    /// The clock's time when nil.
    var timestamp: Timestamp?
    var structuredMetadata: [Label] = []
    /// How far the clock moves before the line comes.
    var after = TimeSpan.zero
  }

  struct Expectation {
    var line: String?
    var labels: [Label]?
    var timestamp: Timestamp?
    var structuredMetadata: [Label]?
    var tenant: String?
  }

  var tests: [Test] = []
  private let environment: [String: String]

  init(path: String, environment: [String: String]) throws {
    self.environment = environment
    let text = String(decoding: try readFile(path, bytesMax: 16 << 20), as: UTF8.self)
    let root: YAMLNode
    do { root = try YAMLNode.parse(text) } catch {
      throw ConfigurationError(file: path, mark: error.mark, message: error.message)
    }
    var section = try SettingSection(root, path: "", file: path)
    var name: String?
    try section.read("config", &name)
    let all = try section.sections("tests")
    try section.finish()
    guard !all.isEmpty else { throw section.error("tests", "has none") }
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let beside = (folder + [Substring(name ?? "pipeline.yml")]).joined(separator: "/")
    let needsConfiguration = all.contains { !$0.keys.contains("pipeline_stages") }
    var jobs: [String: [StageConfiguration]] = [:]
    if needsConfiguration {
      let file = name?.hasPrefix("/") == true ? name ?? beside : beside
      for scrape in try PipelineTestFile.configuration(file, environment)?.scrapeConfigs ?? [] {
        jobs[scrape.jobName] = scrape.pipelineStages
      }
    }
    for var inner in all { tests.append(try PipelineTestFile.test(&inner, jobs)) }
  }

  private static func configuration(_ path: String, _ environment: [String: String]) throws
    -> AgentConfiguration?
  {
    let text = String(decoding: try readFile(path, bytesMax: 16 << 20), as: UTF8.self)
    return try Configuration.parse(text: text, name: path, environment: environment).agent
  }

  private static func test(
    _ section: inout SettingSection, _ jobs: [String: [StageConfiguration]]
  ) throws -> Test {
    var test = Test(
      name: "", job: "", stages: [], now: Timestamp(seconds: 1_700_000_000), input: [],
      expected: [], dropped: nil, metrics: [], mark: section.mark)
    try section.read("name", &test.name)
    try section.read("job", &test.job)
    if let node = section.node("pipeline_stages") {
      test.stages = try StageConfiguration.list(
        node, path: section.path("pipeline_stages"), file: section.file)
    } else {
      guard let stages = jobs[test.job] else {
        let known = jobs.keys.sorted().joined(separator: ", ")
        throw section.error("job", "is none of the configuration's: \(known)")
      }
      test.stages = stages
    }
    if let time = try time("now", &section) { test.now = time }
    for item in try section.list("input") { test.input.append(try line(item, section)) }
    let isComplete = section.member("expect") != nil
    for var inner in try section.sections("expect") {
      test.expected.append(try expectation(&inner))
    }
    if var inner = try section.section("dropped") {
      var counts: [String: UInt64] = [:]
      for key in inner.keys {
        var count = 0
        try inner.read(key, &count)
        counts[key] = UInt64(count)
      }
      test.dropped = counts
    }
    try section.read("metrics", &test.metrics)
    // A misspelt name is told before what is missing because of it.
    try section.finish()
    guard isComplete else {
      throw section.error("expect", "is missing; write [] when no line comes out")
    }
    return test
  }

  private static func time(_ key: String, _ section: inout SettingSection) throws -> Timestamp? {
    guard let scalar = try section.scalar(key) else { return nil }
    guard let time = RFC3339.parse(scalar.text) else {
      throw section.error(key, "must be a time such as 2026-11-21T06:00:00Z", at: .scalar(scalar))
    }
    return time
  }

  private static func line(_ node: YAMLNode, _ outer: SettingSection) throws -> Line {
    if let scalar = node.scalar { return Line(line: scalar.text) }
    var section = try SettingSection(node, path: outer.path("input"), file: outer.file)
    var line = Line(line: "")
    try section.read("line", &line.line)
    try section.read("labels", &line.labels)
    line.timestamp = try time("timestamp", &section)
    try section.read("structured_metadata", &line.structuredMetadata)
    try section.read("after", &line.after)
    try section.finish()
    return line
  }

  private static func expectation(_ section: inout SettingSection) throws -> Expectation {
    var expectation = Expectation()
    try section.read("line", &expectation.line)
    var labels: [Label] = []
    if section.node("labels") != nil {
      try section.read("labels", &labels)
      expectation.labels = labels
    }
    expectation.timestamp = try time("timestamp", &section)
    if section.node("structured_metadata") != nil {
      var metadata: [Label] = []
      try section.read("structured_metadata", &metadata)
      expectation.structuredMetadata = metadata
    }
    try section.read("tenant", &expectation.tenant)
    try section.finish()
    return expectation
  }
}
