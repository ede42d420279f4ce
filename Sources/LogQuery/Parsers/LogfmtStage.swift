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

  init(_ fields: [ExtractedField], isStrict: Bool, _ names: LabelNames) throws(LogQLError) {
    self.isStrict = isStrict
    var made: [(id: LabelNames.ID, key: LabelNames.ID)] = []
    for field in fields {
      let key = try LogfmtFieldsStage.key(field.expression)
      made.append((names.id(of: field.name), names.id(of: key)))
    }
    self.fields = made
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
      // What another parser took before is not taken under another name.
      if !fields.contains(where: { $0.id == key }), row.wasExtracted(key) { continue }
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

  /// The key that an expression names: a word, or text in quotes.
  private static func key(_ expression: String) throws(LogQLError) -> String {
    func fail(_ reason: String) -> LogQLError {
      LogQLError("cannot parse expression [\(expression)]: \(reason)")
    }
    var rest = Substring(expression)
    func skipBlanks() { rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "\n" } }
    skipBlanks()
    guard let first = rest.first else { throw fail("syntax error: unexpected $end") }
    let key: Substring
    if first == "\"" {
      key = rest.dropFirst().prefix { $0 != "\"" && $0 != "]" }
      rest = rest.dropFirst(key.count + 2)
    } else {
      key = rest.prefix {
        $0.utf8.count == 1 && ($0.utf8.first?.isLabelNameByte(isFirst: false) ?? false)
      }
      guard !key.isEmpty, first.isLetter || first == "_" else {
        throw fail("unexpected char \(first)")
      }
      rest = rest.dropFirst(key.count)
    }
    skipBlanks()
    guard let next = rest.first else { return String(key) }
    throw fail(
      next.isLetter || next == "_" ? "syntax error: unexpected KEY" : "unexpected char \(next)")
  }

  /// The label that a pair's key makes: a field's, by the key it takes or by its own name.
  private func field(_ key: LabelNames.ID) -> LabelNames.ID? {
    fields.first { $0.key == key }?.id ?? fields.first { $0.id == key }?.id
  }
}
