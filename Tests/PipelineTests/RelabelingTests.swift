import Configuration
import Pipeline
import TelemetryModel
import Testing
import WireFormats

@Suite struct RelabelingTests {
  private func relabeling(_ text: String) throws -> Relabeling {
    var rules: [RelabelConfiguration] = []
    for item in try YAMLNode.parse(text).items ?? [] {
      var section = try SettingSection(item, path: "rule", file: "test.yml")
      rules.append(try RelabelConfiguration(&section))
    }
    return try Relabeling(rules)
  }

  @Test func knowsWhichLabelsMatter() throws {
    let some = try relabeling(
      "[{source_labels: [a, b], target_label: c}, {action: labeldrop, regex: x}]")
    #expect(some.referencedLabels == ["a", "b"])
    #expect(try relabeling("[{action: labelmap, regex: 'a_(.*)'}]").referencedLabels == nil)
    #expect(
      try relabeling("[{action: keepequal, source_labels: [a], target_label: b}]")
        .referencedLabels == ["a", "b"])
  }

  @Test func takesInternalLabelsAway() {
    let labels: Labels = ["__path__": "/x", "job": "a"]
    #expect(labels.withoutInternalLabels == ["job": "a"])
  }

  @Test func expandsNamedAndNumberedGroups() throws {
    let rules = try relabeling(
      "[{source_labels: [a], regex: '(?P<x>.)(.)', target_label: b, replacement: '${x}-$2$$$9z'}]")
    #expect(rules.apply(to: ["a": "pq"])?["b"] == "p-q$")
    #expect(rules.apply(to: ["a": "pqr"])?["b"] == nil)
  }
}
