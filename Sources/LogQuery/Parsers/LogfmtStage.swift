import LogQL

/// `| logfmt`: a label for each pair of the line.
final class LogfmtStage: LabelParserStage {
  private let isStrict: Bool
  private let keepsEmpty: Bool
  private var keys = KeyNames()

  init(isStrict: Bool, keepsEmpty: Bool) {
    self.isStrict = isStrict
    self.keepsEmpty = keepsEmpty
  }

  override func forgetNames() { keys.forget() }

  override func run(_ row: RowBuilder) -> Bool {
    if row.wantsNoLabels { return true }
    var reader = LogfmtReader(row.line, row.arena)
    while !reader.isAtEnd {
      guard reader.next() else {
        if isStrict { break }
        continue
      }
      guard let id = keys.id(reader.key, row.names), let wanted = row.parsedID(id) else {
        continue
      }
      let value = ParsedText.valid(reader.value, row.arena)
      if !keepsEmpty, value.isEmpty { continue }
      row.setParsed(wanted, value)
      if !row.passesFilter(after: wanted) { return false }
      if row.hasAllRequired { break }
    }
    if isStrict, let failure = reader.failure {
      row.setError(.logfmt, details: failure)
      return row.passesFilter(after: LabelNames.error)
    }
    return true
  }
}

/// `| logfmt a="x"`: labels of the pairs that are named; empty where there is none.
final class LogfmtFieldsStage: PipelineStage {
  private let isStrict: Bool
  private let fields: [(id: LabelNames.ID, key: LabelNames.ID)]
  private var keys = KeyNames()

  init(_ fields: [ExtractedField], isStrict: Bool, _ names: LabelNames) {
    self.isStrict = isStrict
    self.fields = fields.map { (names.id(of: $0.name), names.id(of: $0.expression)) }
  }

  override func forgetNames() { keys.forget() }

  override func run(_ row: RowBuilder) -> Bool {
    if row.wantsNoLabels { return true }
    let empty = UnsafeRawBufferPointer(start: nil, count: 0)
    for (id, _) in fields where row.duplicateID(id) == id { row.setParsed(id, empty) }
    var reader = LogfmtReader(row.line, row.arena)
    while !reader.isAtEnd {
      guard reader.next() else {
        if isStrict { break }
        continue
      }
      guard let key = keys.id(reader.key, row.names), let id = field(key) else { continue }
      let value = ParsedText.hasReplacement(reader.value) ? empty : reader.value
      let target = row.duplicateID(id)
      if target != id {
        guard row.parsedID(id) != nil else { break }
      }
      row.setParsed(target, value)
      if row.hasAllRequired { break }
    }
    if isStrict, let failure = reader.failure { row.setError(.logfmt, details: failure) }
    return true
  }

  /// The label that a pair's key makes: a field's, by the key it takes or by its own name.
  private func field(_ key: LabelNames.ID) -> LabelNames.ID? {
    fields.first { $0.key == key }?.id ?? fields.first { $0.id == key }?.id
  }
}
