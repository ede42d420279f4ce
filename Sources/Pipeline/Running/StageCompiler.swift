import Configuration
import TelemetryModel
import WireFormats

/// Makes runnable stages of configured ones, nested ones in line with the others.
struct StageCompiler {
  let shared: StageResources
  let jobName: String
  private(set) var program: [Stage] = []
  /// Each step's place in the configuration, without what all places begin with.
  private(set) var names: [String] = []
  private var depth = 0

  /// Nesting of `match` stages that is allowed.
  private static let depthMax = 16

  init(shared: StageResources, jobName: String) {
    self.shared = shared
    self.jobName = jobName
  }

  mutating func compile(_ stages: [StageConfiguration]) throws(ConfigurationError) {
    for stage in stages { try compile(stage) }
  }

  private mutating func compile(_ stage: StageConfiguration) throws(ConfigurationError) {
    let root = stage.path.split(separator: ".").drop { !$0.hasPrefix("pipeline_stages") }
    let place = root.isEmpty ? stage.path : root.joined(separator: ".")
    defer {
      while names.count < program.count { names.append(place) }
    }
    switch stage.name {
    case "match": try compileMatch(stage)
    case "docker": try compileDocker(stage)
    case "cri": try compileCRI(stage)
    default: program.append(try single(stage))
    }
  }

  /// A stage that is one step.
  private func single(_ stage: StageConfiguration) throws(ConfigurationError) -> Stage {
    switch stage.name {
    case "json": return try JSONStage(stage, shared)
    case "logfmt": return try LogfmtStage(stage, shared)
    case "regex": return try RegexStage(stage, shared)
    case "timestamp": return try TimestampStage(stage, shared)
    case "output": return try OutputStage(stage, shared)
    case "labels": return try LabelsStage(stage, shared)
    case "static_labels": return try StaticLabelsStage(stage, shared)
    case "labeldrop": return try LabelDropStage(stage, shared)
    case "labelallow": return try LabelAllowStage(stage, shared)
    case "structured_metadata", "non_indexed_labels":
      return try StructuredMetadataStage(stage, shared)
    case "tenant": return try TenantStage(stage, shared)
    case "pack": return try PackStage(stage, shared)
    case "drop": return try DropStage(stage, shared)
    case "limit": return try LimitStage(stage, shared)
    case "sampling": return try SamplingStage(stage, shared)
    case "decolorize": return try DecolorizeStage(stage, shared)
    case "multiline": return try MultilineStage(stage, shared)
    case "template": return try TemplateStage(stage, shared)
    case "replace": return try ReplaceStage(stage, shared)
    case "pattern": return try PatternStage(stage, shared)
    case "split_json": return try SplitJSONStage(stage, shared)
    case "truncate": return try TruncateStage(stage, shared)
    case "luhn": return try LuhnStage(stage, shared)
    case "structured_metadata_drop": return try StructuredMetadataDropStage(stage, shared)
    case "metrics": return try MetricsStage(stage, shared)
    case "geoip": return try GeoIPStage(stage, shared)
    case "eventlogmessage": return try EventLogMessageStage(stage, shared)
    default:
      throw ConfigurationError(
        file: stage.file, mark: stage.mark,
        message: "stage `\(stage.name)` is known, but nothing runs it")
    }
  }

  private mutating func compileMatch(_ stage: StageConfiguration) throws(ConfigurationError) {
    let match = try MatchStage(stage, shared)
    program.append(match)
    names.append(
      stage.path.split(separator: ".").drop { !$0.hasPrefix("pipeline_stages") }.joined(
        separator: "."))
    if let reason = match.dropReason {
      program.append(DropAllStage(reason: reason))
    } else {
      program.append(TakeLabelsStage())
      depth += 1
      guard depth <= StageCompiler.depthMax else {
        throw ConfigurationError(
          file: stage.file, mark: stage.mark,
          message: "`\(stage.path)` is nested deeper than \(StageCompiler.depthMax) levels")
      }
      try compile(match.nested)
      depth -= 1
    }
    match.target = program.count
  }

  /// `docker` is four stages with fixed settings.
  private mutating func compileDocker(_ stage: StageConfiguration) throws(ConfigurationError) {
    // Promtail does not look at what stands here.
    if stage.settings.members != nil { try stage.section(shared).finish() }
    program.append(TakeLabelsStage())
    program.append(
      JSONStage(
        fields: [("output", "log"), ("stream", "stream"), ("timestamp", "time")], shared))
    program.append(LabelsStage(copying: ["stream"], shared))
    program.append(TimestampStage(source: "timestamp", layout: .rfc3339Nano, shared))
    program.append(OutputStage(source: "output", shared))
  }

  /// `cri` is five stages with fixed settings, and one that joins partial lines.
  private mutating func compileCRI(_ stage: StageConfiguration) throws(ConfigurationError) {
    let joining = try PartialLinesStage(stage, shared)
    program.append(TakeLabelsStage())
    program.append(CRIStage(shared))
    program.append(LabelsStage(copying: ["stream"], shared))
    program.append(TimestampStage(source: "time", layout: .rfc3339Nano, shared))
    program.append(OutputStage(source: "content", shared))
    program.append(OutputStage(source: "tags", shared))
    program.append(joining)
  }
}

/// Puts the labels into the extracted map anew, as a nested pipeline does when it begins.
final class TakeLabelsStage: Stage {
  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    entry.takeLabels()
    return .proceed
  }
}

/// Drops whatever comes.
final class DropAllStage: Stage {
  private let reason: String

  init(reason: String) { self.reason = reason }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    .drop(reason: reason)
  }
}
