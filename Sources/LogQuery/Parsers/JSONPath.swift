/// `request.headers["x-req"][0]`: the expression of a field that `json` takes.
struct JSONPath: Hashable {
  enum Step: Hashable {
    case key([UInt8])
    case index(Int)
  }

  let steps: [Step]

  /// Why an expression was refused.
  struct Failure: Error {
    let message: String
  }

  init(_ text: String) throws(Failure) {
    var reader = Reader(text: Array(text.utf8))
    steps = try reader.steps()
  }

  private struct Reader {
    let text: [UInt8]
    var at = 0

    mutating func steps() throws(Failure) -> [Step] {
      var steps: [Step] = []
      skipBlanks()
      if isAt("[") { steps.append(try bracket()) } else { steps.append(.key(try field())) }
      while true {
        skipBlanks()
        guard at < text.count else { return steps }
        if isAt("[") {
          steps.append(try bracket())
        } else if isAt(".") {
          at += 1
          skipBlanks()
          steps.append(.key(try field()))
        } else {
          throw unexpected()
        }
      }
    }

    private func isAt(_ character: Character) -> Bool {
      at < text.count && text[at] == character.asciiValue
    }

    private mutating func skipBlanks() {
      while at < text.count, [0x20, 0x09, 0x0a].contains(text[at]) { at += 1 }
    }

    private func unexpected() -> Failure {
      guard at < text.count else { return Failure(message: "syntax error: unexpected $end") }
      let rest = String(decoding: text[at...], as: UTF8.self)
      return Failure(message: "unexpected char \(rest.prefix(1))")
    }

    private mutating func field() throws(Failure) -> [UInt8] {
      let start = at
      while at < text.count {
        let lower = text[at] | 0x20
        let isLetter = (lower >= 0x61 && lower <= 0x7a) || text[at] == UInt8(ascii: "_")
        let isDigit = text[at] >= 0x30 && text[at] <= 0x39
        guard isLetter || (isDigit && at > start) else { break }
        at += 1
      }
      guard at > start else { throw unexpected() }
      return Array(text[start..<at])
    }

    /// `[0]` or `["key"]`.
    private mutating func bracket() throws(Failure) -> Step {
      at += 1
      skipBlanks()
      let step: Step
      if isAt("\"") {
        at += 1
        let start = at
        while at < text.count, !isAt("\"") { at += 1 }
        guard at < text.count else { throw unexpected() }
        step = .key(Array(text[start..<at]))
        at += 1
      } else {
        let start = at
        while at < text.count, text[at] >= 0x30, text[at] <= 0x39 { at += 1 }
        if at > start, isAt(".") {
          throw Failure(message: "cannot use float as array index")
        }
        guard let index = Int(String(decoding: text[start..<at], as: UTF8.self)) else {
          throw unexpected()
        }
        step = .index(index)
      }
      skipBlanks()
      guard isAt("]") else { throw unexpected() }
      at += 1
      return step
    }
  }
}

extension JSONPath {
  /// The first value of `text` that the path leads to; nil when there is none or the text breaks
  /// off before it.
  func find(_ text: JSONText) throws(JSONFailure) -> JSONText.Value? {
    try find(text, 0..<text.bytes.count, 0)
  }

  /// Follows the path from step `number` on.
  private func find(_ text: JSONText, _ range: Range<Int>, _ number: Int)
    throws(JSONFailure) -> JSONText.Value?
  {
    guard number < steps.count else { return try text.value(range.lowerBound, range.upperBound) }
    let start = text.skipBlanks(range.lowerBound, range.upperBound)
    guard start < range.upperBound else { return nil }
    switch (steps[number], text.bytes[start]) {
    case (.key(let key), UInt8(ascii: "{")):
      return try key.withUnsafeBufferPointer { (key) throws(JSONFailure) in
        try findKey(text, start + 1, range.upperBound, UnsafeRawBufferPointer(key), number)
      }
    case (.index(let index), UInt8(ascii: "[")):
      return try findIndex(text, start + 1, range.upperBound, index, number)
    default: return nil
    }
  }

  private func findKey(
    _ text: JSONText, _ start: Int, _ end: Int, _ key: UnsafeRawBufferPointer, _ number: Int
  ) throws(JSONFailure) -> JSONText.Value? {
    var at = text.skipBlanks(start, end)
    while at < end, text.bytes[at] == UInt8(ascii: "\"") {
      guard let (stop, hasEscape) = text.stringEnd(at + 1, end) else { return nil }
      let name = text.slice((at + 1)..<stop)
      at = text.skipBlanks(stop + 1, end)
      guard at < end, text.bytes[at] == UInt8(ascii: ":") else { return nil }
      at += 1
      if JSONPath.isSame(name, hasEscape, key) {
        if let found = try find(text, at..<end, number + 1) { return found }
      }
      guard let value = try? text.value(at, end) else { return nil }
      at = text.skipBlanks(value.end, end)
      guard at < end, text.bytes[at] == UInt8(ascii: ",") else { return nil }
      at = text.skipBlanks(at + 1, end)
    }
    return nil
  }

  private static func isSame(
    _ name: UnsafeRawBufferPointer, _ hasEscape: Bool, _ key: UnsafeRawBufferPointer
  ) -> Bool {
    guard hasEscape else { return isEqual(name, key) }
    return JSONEscapes.unescape(name, ByteArena()).map { isEqual($0, key) } ?? false
  }

  private func findIndex(
    _ text: JSONText, _ start: Int, _ end: Int, _ index: Int, _ number: Int
  ) throws(JSONFailure) -> JSONText.Value? {
    var at = text.skipBlanks(start, end)
    var count = 0
    while at < end, text.bytes[at] != UInt8(ascii: "]") {
      guard let value = try? text.value(at, end) else { return nil }
      if count == index {
        return number + 1 == steps.count ? value : try find(text, value.bytes, number + 1)
      }
      count += 1
      at = text.skipBlanks(value.end, end)
      guard at < end, text.bytes[at] == UInt8(ascii: ",") else { return nil }
      at += 1
    }
    return nil
  }
}
