import LogQL

/// `| json a="x.y[0]"`: labels of the fields that are named.
final class JSONFieldsStage: PipelineStage {
  private let fields: [(id: LabelNames.ID, path: JSONPath)]

  init(_ fields: [ExtractedField], _ names: LabelNames) throws(LogQLError) {
    var made: [(id: LabelNames.ID, path: JSONPath)] = []
    for field in fields {
      do {
        made.append((names.id(of: field.name), try JSONPath(field.expression)))
      } catch {
        throw LogQLError("cannot parse expression [\(field.expression)]: \(error.message)")
      }
    }
    self.fields = made
  }

  override func run(_ row: RowBuilder) -> Bool {
    guard let first = row.line.first, !row.wantsNoLabels else { return true }
    guard [UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "[")].contains(first) else {
      row.setError(.json)
      return true
    }
    let text = JSONText(bytes: row.line)
    var found = 0
    for (id, path) in fields {
      do {
        guard let value = try path.find(text) else { continue }
        row.setParsed(row.duplicateID(id), label(value, text, row.arena))
        found += 1
      } catch {
        row.setError(.json, details: error.rawValue)
      }
    }
    if found < fields.count {
      for (id, _) in fields where row.value(id) == nil {
        row.setParsed(id, UnsafeRawBufferPointer(start: nil, count: 0))
      }
    }
    return true
  }

  override func use(
    _ fields: [(id: LabelNames.ID, value: UnsafeRawBufferPointer?)], _ row: RowBuilder
  ) -> Bool {
    if row.wantsNoLabels { return true }
    for (id, value) in fields {
      if let value { row.setParsed(row.duplicateID(id), value) }
    }
    for (id, _) in fields where row.value(id) == nil {
      row.setParsed(id, UnsafeRawBufferPointer(start: nil, count: 0))
    }
    return true
  }

  /// Objects stay as written; everything else is unescaped, arrays too.
  private func label(_ value: JSONText.Value, _ text: JSONText, _ arena: ByteArena)
    -> UnsafeRawBufferPointer
  {
    switch value.kind {
    case .null: return UnsafeRawBufferPointer(start: nil, count: 0)
    case .object: return text.slice(value.bytes)
    case .string, .number, .boolean, .array:
      guard let plain = JSONEscapes.unescape(text.slice(value.bytes), arena) else {
        return UnsafeRawBufferPointer(start: nil, count: 0)
      }
      return ParsedText.valid(plain, arena)
    }
  }
}
