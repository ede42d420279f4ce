/// `| json`: a label for each scalar of the line's object, nested ones with their path.
///
/// Arrays and nulls make no label. Reads no further than the wanted labels need.
final class JSONStage: LabelParserStage {
  private var keys = KeyNames()
  /// The name made of the keys down to here.
  private var path: [UInt8] = []
  /// Objects nested deeper than this are an error, which bounds time and stack.
  private static let depthMax = 512

  private enum End: Error {
    case failure(JSONFailure)
    /// Every wanted label has been made.
    case complete
    /// A label's filter refuses the row.
    case refused
  }

  override func forgetNames() { keys.forget() }

  override func run(_ row: RowBuilder) -> Bool {
    if row.wantsNoLabels { return true }
    path.removeAll(keepingCapacity: true)
    let text = JSONText(bytes: row.line)
    do {
      try readObject(text, 0..<row.line.count, depth: 0, row)
    } catch {
      switch error {
      case .complete: return true
      case .refused: return false
      case .failure(let failure): row.setError(.json, details: failure.rawValue)
      }
    }
    return true
  }

  private func readObject(_ text: JSONText, _ range: Range<Int>, depth: Int, _ row: RowBuilder)
    throws(End)
  {
    let end = range.upperBound
    var at = text.skipBlanks(range.lowerBound, end)
    guard at < end, text.bytes[at] == UInt8(ascii: "{"), depth < JSONStage.depthMax else {
      throw .failure(.object)
    }
    at = text.skipBlanks(at + 1, end)
    guard at < end else { throw .failure(.malformed) }
    while text.bytes[at] != UInt8(ascii: "}") {
      guard text.bytes[at] == UInt8(ascii: "\"") else { throw .failure(.object) }
      guard let (stop, hasEscape) = text.stringEnd(at + 1, end) else { throw .failure(.malformed) }
      var key = text.slice((at + 1)..<stop)
      if hasEscape {
        guard let plain = JSONEscapes.unescape(key, row.arena) else { throw .failure(.escape) }
        key = plain
      }
      at = text.skipBlanks(stop + 1, end)
      guard at < end, text.bytes[at] == UInt8(ascii: ":") else { throw .failure(.malformed) }
      let value: JSONText.Value
      do {
        value = try text.value(at + 1, end)
      } catch {
        throw .failure(error)
      }
      try use(key, value, text, depth, row)
      at = text.skipBlanks(value.end, end)
      guard at < end else { throw .failure(.array) }
      if text.bytes[at] == UInt8(ascii: "}") { return }
      guard text.bytes[at] == UInt8(ascii: ",") else { throw .failure(.object) }
      at = text.skipBlanks(at + 1, end)
      guard at < end else { throw .failure(.array) }
    }
  }

  private func use(
    _ key: UnsafeRawBufferPointer, _ value: JSONText.Value, _ text: JSONText, _ depth: Int,
    _ row: RowBuilder
  ) throws(End) {
    switch value.kind {
    case .object:
      let outer = path.count
      extendPath(key)
      if path.withUnsafeBytes({ row.hints.mayHavePrefix($0, row.names) }) {
        try readObject(text, value.bytes, depth: depth + 1, row)
      }
      path.removeSubrange(outer...)
      return
    case .string, .number, .boolean:
      if let id = name(key, depth, row), let wanted = row.parsedID(id) {
        row.setParsed(wanted, JSONStage.text(value, text, row.arena))
        if !row.passesFilter(after: wanted) { throw .refused }
      }
    case .array, .null: break
    }
    if row.hasAllRequired { throw .complete }
  }

  private func extendPath(_ key: UnsafeRawBufferPointer) {
    let trimmed = ParsedText.trimmed(key)
    guard !trimmed.isEmpty else { return }
    if !path.isEmpty { path.append(UInt8(ascii: "_")) }
    ParsedText.appendName(trimmed, to: &path)
  }

  private func name(_ key: UnsafeRawBufferPointer, _ depth: Int, _ row: RowBuilder)
    -> LabelNames.ID?
  {
    guard depth > 0 else { return keys.id(key, row.names) }
    let outer = path.count
    extendPath(key)
    defer { path.removeSubrange(outer...) }
    return path.isEmpty ? nil : path.withUnsafeBytes { row.names.id(of: $0) }
  }

  /// A scalar as a label's value. An escape that is wrong makes it empty.
  static func text(_ value: JSONText.Value, _ text: JSONText, _ arena: ByteArena)
    -> UnsafeRawBufferPointer
  {
    let raw = text.slice(value.bytes)
    guard value.kind == .string else { return raw }
    guard value.hasEscape else { return ParsedText.valid(raw, arena) }
    guard let plain = JSONEscapes.unescape(raw, arena) else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return ParsedText.valid(plain, arena)
  }
}
