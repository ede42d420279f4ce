import LogQL
import Regex
import TelemetryModel

/// `label_replace`: a label made of what a regular expression finds in another.
struct LabelReplacement {
  private let replace: LabelReplace
  private let regex: Regex

  init(_ replace: LabelReplace) throws(QueryError) {
    self.replace = replace
    do {
      regex = try Regex("^(?:" + replace.pattern + ")$")
    } catch {
      throw QueryError("parse error : invalid regex in label_replace: \(error.message)")
    }
  }

  func apply(to matrix: SeriesMatrix) throws(QueryError) -> SeriesMatrix {
    try matrix.relabelled(changed)
  }

  private func changed(_ labels: Labels) -> Labels {
    let text = Array((labels[replace.source] ?? "").utf8)
    guard let groups = regex.firstMatch(text) else { return labels }
    let value = expand(groups, text)
    // A set that is made anew has no empty labels.
    var kept = labels.sorted.filter { $0.name != replace.destination && !$0.value.isEmpty }
    if !value.isEmpty { kept.append(Label(replace.destination, value)) }
    return Labels(kept)
  }

  /// Go's `Regexp.Expand`: `$1`, `${name}`, `$$`; an unknown group is empty.
  private func expand(_ groups: [Range<Int>?], _ text: [UInt8]) -> String {
    var out: [UInt8] = []
    var rest = Array(replace.replacement.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "$") else {
        out.append(byte)
        continue
      }
      if rest.first == UInt8(ascii: "$") {
        rest.removeFirst()
        out.append(byte)
        continue
      }
      let isBraced = rest.first == UInt8(ascii: "{")
      let name = (isBraced ? rest.dropFirst() : rest).prefix { $0.isLabelNameByte(isFirst: false) }
      let after = rest.dropFirst(name.count + (isBraced ? 1 : 0))
      guard !name.isEmpty, !isBraced || after.first == UInt8(ascii: "}") else {
        out.append(byte)
        continue
      }
      rest = isBraced ? after.dropFirst() : after
      if let group = group(named: String(decoding: name, as: UTF8.self)), group < groups.count,
        let found = groups[group]
      {
        out.append(contentsOf: text[found])
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  private func group(named name: String) -> Int? {
    if let number = Int(name) { return number }
    return regex.groupNames.firstIndex(of: name).map { $0 + 1 }
  }
}
