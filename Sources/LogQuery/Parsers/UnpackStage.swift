/// `| unpack`: labels of an object's strings, and `_entry` as the line, as Promtail's `pack` made
/// it. Without `_entry` nothing changes.
final class UnpackStage: PipelineStage {
  private static let entryKey = Array("_entry".utf8)
  private var name: [UInt8] = []

  override func run(_ row: RowBuilder) -> Bool {
    guard let first = row.line.first, !row.wantsNoLabels else { return true }
    guard first == UInt8(ascii: "{") else {
      row.setError(.json, details: "expecting json object(6), but it is not")
      return true
    }
    var labels: [(id: LabelNames.ID, value: UnsafeRawBufferPointer)] = []
    do {
      guard let entry = try read(row, &labels) else { return true }
      row.line = entry
    } catch {
      row.setError(.json, details: error.rawValue)
      return true
    }
    for (id, value) in labels {
      row.setParsed(id, value)
      if !row.passesFilter(after: id) { return false }
    }
    return true
  }

  /// The packed line; nil when there is none.
  private func read(
    _ row: RowBuilder, _ labels: inout [(id: LabelNames.ID, value: UnsafeRawBufferPointer)]
  ) throws(JSONFailure) -> UnsafeRawBufferPointer? {
    let text = JSONText(bytes: row.line)
    let end = row.line.count
    var entry: UnsafeRawBufferPointer?
    var at = text.skipBlanks(1, end)
    guard at < end else { throw .malformed }
    while text.bytes[at] != UInt8(ascii: "}") {
      guard text.bytes[at] == UInt8(ascii: "\"") else { throw .object }
      guard let (stop, hasEscape) = text.stringEnd(at + 1, end) else { throw .malformed }
      var key = text.slice((at + 1)..<stop)
      if hasEscape {
        guard let plain = JSONEscapes.unescape(key, row.arena) else { throw .escape }
        key = plain
      }
      at = text.skipBlanks(stop + 1, end)
      guard at < end, text.bytes[at] == UInt8(ascii: ":") else { throw .malformed }
      let value = try text.value(at + 1, end)
      if value.kind == .string {
        if key.elementsEqual(UnpackStage.entryKey) {
          guard let line = JSONEscapes.unescape(text.slice(value.bytes), row.arena) else {
            throw .escape
          }
          entry = line
        } else if let wanted = row.parsedID(row.names.id(of: key)) {
          let id = sanitized(wanted, row.names)
          labels.append((id, JSONStage.text(value, text, row.arena)))
        }
      }
      at = text.skipBlanks(value.end, end)
      guard at < end else { throw .array }
      if text.bytes[at] == UInt8(ascii: "}") { break }
      guard text.bytes[at] == UInt8(ascii: ",") else { throw .object }
      at = text.skipBlanks(at + 1, end)
      guard at < end else { throw .array }
    }
    return entry
  }

  private func sanitized(_ id: LabelNames.ID, _ names: LabelNames) -> LabelNames.ID {
    name.removeAll(keepingCapacity: true)
    ParsedText.appendName(names.bytes(id), to: &name)
    return name.withUnsafeBytes { names.id(of: $0) }
  }
}
