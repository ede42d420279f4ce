import Bytes

/// Takes a line that is one JSON object apart: its text with a mark for each value, and where the
/// values lie. Strict: what is not JSON to the letter is no object here, and kept as text.
struct JSONLineSplitter {
  /// Constants and marks of the last line.
  var text: [UInt8] = []
  /// Start and end of each value of the last line.
  var slots: [UInt32] = []

  private static let depthMax = 16
  private static let slotsMax = 512

  /// Whether `line`, which begins at `base` of a larger text, is such an object.
  mutating func split(_ line: UnsafeRawBufferPointer, base: Int) -> Bool {
    text.removeAll(keepingCapacity: true)
    slots.removeAll(keepingCapacity: true)
    guard line.first == UInt8(ascii: "{") else { return false }
    var at = 0
    guard readObject(line, &at, base, 0) else { return false }
    skipBlanks(line, &at)
    return at == line.count
  }

  private mutating func skipBlanks(_ line: UnsafeRawBufferPointer, _ at: inout Int) {
    while at < line.count,
      line[at] == 0x20 || line[at] == 0x09 || line[at] == 0x0a || line[at] == 0x0d
    {
      text.append(line[at])
      at += 1
    }
  }

  private mutating func take(
    _ byte: UInt8, _ line: UnsafeRawBufferPointer, _ at: inout Int
  ) -> Bool {
    guard at < line.count, line[at] == byte else { return false }
    text.append(byte)
    at += 1
    return true
  }

  private mutating func readObject(
    _ line: UnsafeRawBufferPointer, _ at: inout Int, _ base: Int, _ depth: Int
  ) -> Bool {
    guard depth < Self.depthMax, take(UInt8(ascii: "{"), line, &at) else { return false }
    skipBlanks(line, &at)
    if take(UInt8(ascii: "}"), line, &at) { return true }
    while true {
      guard take(UInt8(ascii: "\""), line, &at),
        let (end, _) = Self.stringEnd(line, at)
      else { return false }
      for index in at..<end {
        guard line[index] != LineShape.clean, line[index] != LineShape.odd else { return false }
        text.append(line[index])
      }
      at = end
      guard take(UInt8(ascii: "\""), line, &at) else { return false }
      skipBlanks(line, &at)
      guard take(UInt8(ascii: ":"), line, &at) else { return false }
      skipBlanks(line, &at)
      guard readValue(line, &at, base, depth) else { return false }
      skipBlanks(line, &at)
      if take(UInt8(ascii: "}"), line, &at) { return true }
      guard take(UInt8(ascii: ","), line, &at) else { return false }
      skipBlanks(line, &at)
    }
  }

  private mutating func readValue(
    _ line: UnsafeRawBufferPointer, _ at: inout Int, _ base: Int, _ depth: Int
  ) -> Bool {
    guard at < line.count, slots.count < Self.slotsMax * 2 else { return false }
    switch line[at] {
    case UInt8(ascii: "\""):
      text.append(line[at])
      at += 1
      guard let (end, isClean) = Self.stringEnd(line, at) else { return false }
      add(isClean ? LineShape.clean : LineShape.odd, base + at, base + end)
      at = end
      return take(UInt8(ascii: "\""), line, &at)
    case UInt8(ascii: "{"): return readObject(line, &at, base, depth + 1)
    case UInt8(ascii: "["):
      guard let end = Self.arrayEnd(line, at, depth + 1) else { return false }
      add(LineShape.odd, base + at, base + end)
      at = end
      return true
    case UInt8(ascii: "n"):
      guard Self.hasWord("null", line, at) else { return false }
      text.append(contentsOf: "null".utf8)
      at += 4
      return true
    default:
      guard let end = Self.scalarEnd(line, at) else { return false }
      add(LineShape.clean, base + at, base + end)
      at = end
      return true
    }
  }

  private mutating func add(_ mark: UInt8, _ start: Int, _ end: Int) {
    text.append(mark)
    slots.append(UInt32(start))
    slots.append(UInt32(end))
  }

  /// The closing quote of a string that begins at `start`, and whether the string is plain
  /// printable ASCII without escapes. Nil without an end and for broken escapes.
  static func stringEnd(_ line: UnsafeRawBufferPointer, _ start: Int) -> (Int, Bool)? {
    var at = start
    var isClean = true
    while true {
      at = ByteClasses.plainTextEnd(line, from: at)
      guard at < line.count else { return nil }
      switch line[at] {
      case UInt8(ascii: "\""): return (at, isClean)
      case UInt8(ascii: "\\"):
        isClean = false
        at += 2
      case 0..<0x20: return nil
      default:
        isClean = false
        at += 1
      }
    }
  }

  /// The end of a number, `true` or `false`.
  static func scalarEnd(_ line: UnsafeRawBufferPointer, _ start: Int) -> Int? {
    if hasWord("true", line, start) { return start + 4 }
    if hasWord("false", line, start) { return start + 5 }
    var at = start
    func digits() -> Int {
      let first = at
      while at < line.count, line[at] >= 0x30, line[at] <= 0x39 { at += 1 }
      return at - first
    }
    if at < line.count, line[at] == UInt8(ascii: "-") { at += 1 }
    let lead = at
    let count = digits()
    guard count > 0, count == 1 || line[lead] != UInt8(ascii: "0") else { return nil }
    if at < line.count, line[at] == UInt8(ascii: ".") {
      at += 1
      guard digits() > 0 else { return nil }
    }
    if at < line.count, line[at] | 0x20 == UInt8(ascii: "e") {
      at += 1
      if at < line.count, line[at] == UInt8(ascii: "+") || line[at] == UInt8(ascii: "-") { at += 1 }
      guard digits() > 0 else { return nil }
    }
    return at
  }

  private static func hasWord(
    _ word: StaticString, _ line: UnsafeRawBufferPointer, _ at: Int
  ) -> Bool {
    let count = word.utf8CodeUnitCount
    guard at + count <= line.count else { return false }
    for index in 0..<count where line[at + index] != word.utf8Start[index] { return false }
    return true
  }

  /// Behind the array that begins at `start`: it must be well-formed, so that any parser finds
  /// its end at the same place.
  private static func arrayEnd(_ line: UnsafeRawBufferPointer, _ start: Int, _ depth: Int) -> Int? {
    var at = start
    return readAny(line, &at, depth) ? at : nil
  }

  private static func blanks(_ line: UnsafeRawBufferPointer, _ at: inout Int) {
    while at < line.count,
      line[at] == 0x20 || line[at] == 0x09 || line[at] == 0x0a || line[at] == 0x0d
    {
      at += 1
    }
  }

  private static func readAny(
    _ line: UnsafeRawBufferPointer, _ at: inout Int, _ depth: Int
  ) -> Bool {
    guard depth < depthMax, at < line.count else { return false }
    let opening = line[at]
    switch opening {
    case UInt8(ascii: "\""):
      guard let (end, _) = stringEnd(line, at + 1) else { return false }
      at = end + 1
      return true
    case UInt8(ascii: "["), UInt8(ascii: "{"):
      let closing: UInt8 = opening == UInt8(ascii: "[") ? UInt8(ascii: "]") : UInt8(ascii: "}")
      at += 1
      blanks(line, &at)
      if at < line.count, line[at] == closing {
        at += 1
        return true
      }
      while true {
        if opening == UInt8(ascii: "{") {
          guard at < line.count, line[at] == UInt8(ascii: "\""),
            let (end, _) = stringEnd(line, at + 1)
          else { return false }
          at = end + 1
          blanks(line, &at)
          guard at < line.count, line[at] == UInt8(ascii: ":") else { return false }
          at += 1
          blanks(line, &at)
        }
        guard readAny(line, &at, depth + 1) else { return false }
        blanks(line, &at)
        guard at < line.count else { return false }
        if line[at] == closing {
          at += 1
          return true
        }
        guard line[at] == UInt8(ascii: ",") else { return false }
        at += 1
        blanks(line, &at)
      }
    case UInt8(ascii: "n"):
      guard hasWord("null", line, at) else { return false }
      at += 4
      return true
    default:
      guard let end = scalarEnd(line, at) else { return false }
      at = end
      return true
    }
  }
}
