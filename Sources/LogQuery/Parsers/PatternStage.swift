import Bytes
import LogQL

/// `| pattern "<ip> - <_>"`: a label for each capture, in order, as far as the literals are found.
final class PatternStage: PipelineStage {
  private enum Part {
    case literal([UInt8])
    /// nil for a placeholder.
    case capture(LabelNames.ID?)
  }

  private let parts: [Part]

  init(_ pattern: CapturePattern, _ names: LabelNames) {
    parts = pattern.parts.map { part in
      switch part {
      case .literal(let text): .literal(text)
      case .capture(let name): .capture(names.id(of: name))
      case .placeholder: .capture(nil)
      }
    }
  }

  override func run(_ row: RowBuilder) -> Bool {
    if row.wantsNoLabels || row.line.isEmpty { return true }
    let line = row.line
    var at = 0
    var index = 0
    if case .literal(let text) = parts[0] {
      let head = UnsafeRawBufferPointer(rebasing: line.prefix(text.count))
      guard text.withUnsafeBytes({ head.equals($0) }) else { return true }
      at = text.count
      index = 1
    }
    while index < parts.count {
      guard case .capture(let id) = parts[index] else { return true }
      let rest = UnsafeRawBufferPointer(rebasing: line[at...])
      var captured = rest
      var isLast = true
      if index + 1 < parts.count, case .literal(let text) = parts[index + 1],
        let found = ByteSearch.firstIndex(of: text, in: rest)
      {
        captured = UnsafeRawBufferPointer(rebasing: rest[..<found])
        at += found + text.count
        isLast = false
      }
      // Without its literal a capture takes the rest, and is the last one.
      if let id, let wanted = row.parsedID(id) {
        row.setParsed(wanted, captured)
        if !row.passesFilter(after: wanted) { return false }
      }
      if isLast { return true }
      index += 2
    }
    return true
  }
}
