import Bytes
import Configuration
import Regex
import TelemetryModel
import WireFormats

/// `json`: takes values of a JSON object into the extracted map.
///
/// Expressions that are plain paths (`a`, `a.b`, `"a-b".c`) are found while the text is scanned;
/// with any other the text becomes a tree that JMESPath is evaluated on. With Alloy's `regex` the
/// members are taken too whose names match.
final class JSONStage: Stage {
  private let source: Int?
  private let dropsMalformed: Bool
  /// Where each expression's value goes.
  private let targets: [Int]
  private let paths: JSONPaths?
  private let expressions: [JMESPath]
  private let regex: Regex?

  /// Why lines are dropped with `drop_malformed`.
  static let dropReason = "json_stage_malformed"

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    regex = try section.nameRegex()
    let mapping = try section.section("expressions")
    guard regex != nil || mapping?.keys.isEmpty == false else {
      throw section.error("expressions", "is needed: names with JMESPath expressions")
    }
    source = try section.source().map { shared.slots.slot($0) }
    var drops = false
    try section.read("drop_malformed", &drops)
    dropsMalformed = drops
    try section.finish()
    var targets: [Int] = []
    var expressions: [JMESPath] = []
    for (name, text) in try mapping?.textMembers() ?? [] {
      targets.append(shared.slots.slot(name))
      let path = text.flatMap { $0.isEmpty ? nil : $0 } ?? name
      do { expressions.append(try JMESPath(path)) } catch {
        throw section.error("expressions.\(name)", "is no JMESPath expression: \(error.message)")
      }
    }
    self.targets = targets
    let fields = expressions.map(\.plainPath)
    paths = regex == nil ? JSONPaths(fields) : nil
    self.expressions = paths == nil ? expressions : []
  }

  /// For stages with fixed settings: target names and top-level fields.
  init(fields: [(target: String, field: String)], _ shared: StageResources) {
    source = nil
    dropsMalformed = false
    targets = fields.map { shared.slots.slot($0.target) }
    paths = JSONPaths(fields.map { [$0.field] })
    expressions = []
    regex = nil
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    guard let input = entry.input(source) else { return .proceed }
    guard read(input, &entry, shared) else {
      return dropsMalformed ? .drop(reason: JSONStage.dropReason) : .proceed
    }
    return .proceed
  }

  private func read(
    _ input: Range<Int>, _ entry: inout StageEntry, _ shared: StageResources
  ) -> Bool {
    guard let paths else { return evaluate(input, &entry, shared) }
    var made: [UInt8] = []
    let offset = entry.bytes.count
    let count = targets.count
    return withUnsafeTemporaryAllocation(of: ExtractedValue.self, capacity: count) { results in
      results.initialize(repeating: .null)
      let isRead = entry.withText(input) { text in
        paths.read(text, at: input.lowerBound, madeAt: offset, results, &made)
      }
      guard isRead else { return false }
      if !made.isEmpty { entry.bytes.append(contentsOf: made) }
      for index in 0..<count { entry[targets[index]] = results[index] }
      return true
    }
  }

  /// Evaluates the expressions on a tree; one that fails leaves its name as it was.
  private func evaluate(
    _ input: Range<Int>, _ entry: inout StageEntry, _ shared: StageResources
  ) -> Bool {
    guard let tree = entry.withText(input, { try? JSONValue.parse($0) }) else { return false }
    switch tree {
    case .object, .null: break
    default: return false
    }
    let root = JMESValue(tree)
    for (index, expression) in expressions.enumerated() {
      guard let value = try? expression.evaluate(root) else { continue }
      entry[targets[index]] = entry.extracted(value)
    }
    guard let regex, case .object(let members) = root else { return true }
    for member in members where regex.matches(member.key) {
      entry.extract(entry.extracted(member.value), as: member.key, shared.slots)
    }
    return true
  }
}
