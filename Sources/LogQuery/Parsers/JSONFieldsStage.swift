import LogQL

/// `| json a="x.y[0]"`: labels of the fields that are named.
final class JSONFieldsStage: PipelineStage {
  private let ids: [LabelNames.ID]
  private var scan: JSONFieldScan

  init(_ fields: [ExtractedField], _ names: LabelNames) throws(LogQLError) {
    var paths: [JSONPath] = []
    for field in fields {
      do {
        paths.append(try JSONPath(field.expression))
      } catch {
        throw LogQLError("cannot parse expression [\(field.expression)]: \(error.message)")
      }
    }
    ids = fields.map { names.id(of: $0.name) }
    scan = JSONFieldScan(paths)
  }

  override func run(_ row: RowBuilder) -> Bool {
    guard let first = row.line.first, !row.wantsNoLabels else { return true }
    guard [UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "[")].contains(first) else {
      row.setError(.json)
      return true
    }
    let text = JSONText(bytes: row.line)
    var found = 0
    scan.run(text, row.arena) { finding in
      switch finding {
      case .value(let number, let value):
        row.setParsed(row.duplicateID(ids[number]), label(value, text, row.arena))
        found += 1
      case .failure(let failure): row.setError(.json, details: failure.rawValue)
      }
    }
    if found < ids.count {
      for id in ids where row.value(id) == nil {
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
