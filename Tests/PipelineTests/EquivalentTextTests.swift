import Configuration
import TelemetryModel
import TestSupport
import Testing

@testable import Pipeline

/// Relabelling of values that are equivalent to Unicode and other bytes.
@Suite struct EquivalentTextTests {
  private static func relabeling(_ action: RelabelAction) throws -> Relabeling {
    var rule = RelabelConfiguration()
    rule.sourceLabels = ["a"]
    rule.targetLabel = "b"
    rule.action = action
    return try Relabeling([rule])
  }

  @Test(arguments: EquivalentTexts.groups) func valuesAreComparedByBytes(group: [String]) throws {
    let (kept, dropped) = (
      try Self.relabeling(.keepequal), try Self.relabeling(.dropequal)
    )
    for a in group {
      for b in group {
        let isSame = Array(a.utf8) == Array(b.utf8)
        #expect((kept.apply(to: ["a": a, "b": b]) != nil) == isSame)
        #expect((dropped.apply(to: ["a": a, "b": b]) == nil) == isSame)
      }
    }
  }

  /// A mark behind the second underscore is no part of it.
  @Test func twoUnderscoresAreTwoBytes() {
    #expect((["__\u{301}x": "1", "y": "2"] as Labels).withoutInternalLabels == ["y": "2"])
  }
}
