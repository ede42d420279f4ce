import LogQL
import Regex

/// `| regexp "(?P<name>…)"`: a label for each named group of the first match.
final class RegexpStage: PipelineStage {
  private let regex: Regex
  private let groups: [(number: Int, id: LabelNames.ID)]

  init(_ pattern: String, _ names: LabelNames) throws(LogQLError) {
    do {
      regex = try Regex(pattern)
    } catch {
      throw LogQLError("invalid regexp parser: \(error.message)")
    }
    var groups: [(number: Int, id: LabelNames.ID)] = []
    for (index, name) in regex.groupNames.enumerated() {
      guard let name else { continue }
      var label: [UInt8] = []
      Array(name.utf8).withUnsafeBytes { ParsedText.appendName($0, to: &label) }
      guard !label.isEmpty else { continue }
      groups.append((index + 1, label.withUnsafeBytes { names.id(of: $0) }))
    }
    self.groups = groups
  }

  override func run(_ row: RowBuilder) -> Bool {
    guard let match = regex.firstMatch(row.line) else { return true }
    for (number, id) in groups where number < match.count {
      guard let wanted = row.parsedID(id) else { continue }
      let range = match[number] ?? 0..<0
      row.setParsed(wanted, UnsafeRawBufferPointer(rebasing: row.line[range]))
      if !row.passesFilter(after: wanted) { return false }
    }
    return true
  }
}
