import Configuration
import WireFormats

/// `match`: runs nested stages over the lines that a selector takes, or drops those lines.
final class MatchStage: Stage {
  /// Where lines go on that the selector does not take.
  var target = 0
  /// The nested stages; none when lines are dropped.
  let nested: [StageConfiguration]
  /// Why lines are dropped; nil when they are kept.
  let dropReason: String?
  private let selector: LineSelector

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    var pipelineName: String?
    try section.readText("pipeline_name", &pipelineName)
    guard pipelineName != "" else {
      throw section.error("pipeline_name", "can be left out but not be empty")
    }
    let text = try section.needed("selector")
    var action = ""
    try section.readText("action", &action)
    var reason = ""
    try section.readText("drop_counter_reason", &reason)
    nested =
      try section.node("stages").map { node throws(ConfigurationError) in
        try StageConfiguration.list(node, path: section.path("stages"), file: stage.file)
      } ?? []
    try section.finish()
    switch action {
    case "", "keep":
      guard !nested.isEmpty else { throw section.error("stages", "are needed for `keep`") }
      dropReason = nil
    case "drop":
      guard nested.isEmpty else { throw section.error("stages", "cannot stand beside `drop`") }
      dropReason = reason.isEmpty ? "match_stage" : reason
    default: throw section.error("action", "must be keep or drop, not `\(action)`")
    }
    do { selector = try LineSelector(text, shared) } catch {
      throw section.error("selector", "is malformed: \(error.message)")
    }
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    selector.takes(&entry) ? .proceed : .jump(target)
  }
}
