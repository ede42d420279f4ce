import TelemetryModel
import Testing

@Suite struct LabelsTests {
  @Test func areSortedAndUnique() {
    let labels = Labels([Label("b", "1"), Label("a", "2"), Label("b", "3")])
    #expect(labels.sorted == [Label("a", "2"), Label("b", "3")])
    #expect(labels["b"] == "3")
    #expect(labels["c"] == nil)
    #expect(labels == ["a": "2", "b": "3"])
    #expect(labels.description == #"{a="2", b="3"}"#)
  }

  @Test func quotingEscapesControls() {
    #expect(quoted("a\"b\\\n\u{1b}[31m\u{7}é") == #""a\"b\\\n\x1b[31m\aé""#)
  }

  @Test(arguments: ["", ".", "..", "a/b", "a b", "ä", "a\u{0}", String(repeating: "a", count: 151)])
  func badTenantsAreRefused(_ name: String) { #expect(TenantID(name) == nil) }

  @Test(arguments: ["fake", "team-a", "a.b_(c)*'!", String(repeating: "a", count: 150)])
  func goodTenantsStay(_ name: String) { #expect(TenantID(name)?.name == name) }

  @Test func rowsKeepTheirMetadata() {
    var rows = StreamRows(labels: ["a": "b"])
    let plain = LogEntry(timestamp: .zero, line: Array("one".utf8))
    let rich = LogEntry(
      timestamp: Timestamp(seconds: 1), line: [], structuredMetadata: [Label("k", "v")])
    rows.append(plain)
    rows.append(rich)
    rows.append(plain)
    #expect((0..<3).map { rows.entry($0) } == [plain, rich, plain])
  }

  @Test func timesDoNotWrap() {
    #expect(Timestamp.distantFuture + .seconds(1) == .distantFuture)
    #expect(Timestamp.distantPast - .seconds(1) == .distantPast)
    #expect(Timestamp.distantFuture - Timestamp.distantPast == TimeSpan(nanoseconds: .max))
  }
}
