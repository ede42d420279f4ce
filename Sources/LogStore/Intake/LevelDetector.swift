import TelemetryModel

/// Finds a row's level as Loki does for `detected_level`: in a field of a JSON or logfmt line,
/// else the first level word of the line.
struct LevelDetector {
  private let fields: [[UInt8]]
  private let depthMax: Int
  /// Bit n: some field has n bytes; rules most keys out at once.
  private let lengths: UInt64

  init(fields: [String], jsonDepthMax: Int) {
    self.fields = fields.map { Array($0.utf8) }
    depthMax = jsonDepthMax > 0 ? min(jsonDepthMax, 64) : 64
    lengths = self.fields.reduce(0) { $0 | 1 << UInt64(min($1.count, 63)) }
  }

  func level(of line: UnsafeRawBufferPointer) -> DetectedLevel {
    if Self.looksLikeJSON(line) {
      if let value = jsonValue(line), let level = DetectedLevel(word: value) { return level }
    } else if line.contains(UInt8(ascii: "=")) {
      if let value = logfmtValue(line), let level = DetectedLevel(word: value) { return level }
    }
    return DetectedLevel(firstWordOf: line)
  }

  private static func looksLikeJSON(_ line: UnsafeRawBufferPointer) -> Bool {
    var low = 0
    var high = line.count
    while low < high, isBlank(line[low]) { low += 1 }
    while high > low, isBlank(line[high - 1]) { high -= 1 }
    return low < high && line[low] == UInt8(ascii: "{") && line[high - 1] == UInt8(ascii: "}")
  }

  @inline(__always)
  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 9 && byte <= 13) }

  // MARK: JSON

  /// The first string member with a level's name, objects entered to `depthMax`; nil also when
  /// the line is malformed before it.
  private func jsonValue(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var at = 0
    var depth = 0
    while at < line.count {
      let byte = line[at]
      switch byte {
      case UInt8(ascii: "{"):
        depth += 1
        at += 1
        if depth > depthMax {
          guard let after = Self.skipNested(line, at - 1) else { return nil }
          at = after
          depth -= 1
        }
      case UInt8(ascii: "}"):
        depth -= 1
        at += 1
        if depth <= 0 { return nil }
      case UInt8(ascii: "\""):
        guard let found = member(line, &at) else { return nil }
        if found.count > 0 { return found }
      case UInt8(ascii: ","), 0x20, 0x09, 0x0a, 0x0d: at += 1
      default: return nil
      }
    }
    return nil
  }

  /// Passes `"key":` and, unless it is an object, the value. The value if it is a string and the
  /// key a level's name, else an empty buffer; nil when malformed.
  private func member(_ line: UnsafeRawBufferPointer, _ at: inout Int) -> UnsafeRawBufferPointer? {
    let keyStart = at + 1
    guard let keyEnd = Self.stringEnd(line, keyStart) else { return nil }
    at = keyEnd + 1
    Self.skipBlanks(line, &at)
    guard at < line.count, line[at] == UInt8(ascii: ":") else { return nil }
    at += 1
    Self.skipBlanks(line, &at)
    guard at < line.count else { return nil }
    let none = UnsafeRawBufferPointer(start: nil, count: 0)
    switch line[at] {
    case UInt8(ascii: "\""):
      let start = at + 1
      guard let end = Self.stringEnd(line, start) else { return nil }
      at = end + 1
      guard end > start,
        isField(UnsafeRawBufferPointer(rebasing: line[keyStart..<keyEnd]))
      else { return none }
      return UnsafeRawBufferPointer(rebasing: line[start..<end])
    case UInt8(ascii: "{"): return none
    case UInt8(ascii: "["):
      guard let after = Self.skipNested(line, at) else { return nil }
      at = after
    default:
      while at < line.count, line[at] != UInt8(ascii: ","), line[at] != UInt8(ascii: "}") {
        at += 1
      }
    }
    return none
  }

  private func isField(_ key: UnsafeRawBufferPointer) -> Bool {
    guard lengths >> UInt64(min(key.count, 63)) & 1 == 1 else { return false }
    for field in fields where field.count == key.count && field.elementsEqual(key) { return true }
    return false
  }

  @inline(__always)
  private static func skipBlanks(_ line: UnsafeRawBufferPointer, _ at: inout Int) {
    while at < line.count, isBlank(line[at]) { at += 1 }
  }

  /// Where the string whose content begins at `start` ends.
  @inline(__always)
  private static func stringEnd(_ line: UnsafeRawBufferPointer, _ start: Int) -> Int? {
    var at = start
    while at < line.count {
      let byte = line[at]
      if byte == UInt8(ascii: "\"") { return at }
      at += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    return nil
  }

  /// What follows the object or array that begins at `start`.
  private static func skipNested(_ line: UnsafeRawBufferPointer, _ start: Int) -> Int? {
    var depth = 0
    var at = start
    while at < line.count {
      switch line[at] {
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: "\""):
        guard let end = stringEnd(line, at + 1) else { return nil }
        at = end
      default: break
      }
      at += 1
      if depth == 0 { return at }
    }
    return nil
  }

  // MARK: logfmt

  /// The value of the key that stands first among the fields, in any case; nil when there is
  /// none before the first malformed pair.
  private func logfmtValue(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var best: UnsafeRawBufferPointer?
    var bestRank = fields.count
    var at = 0
    while true {
      while at < line.count, line[at] <= 0x20 { at += 1 }
      guard at < line.count else { return best }
      let start = at
      while at < line.count, line[at] > 0x20, line[at] != UInt8(ascii: "="),
        line[at] != UInt8(ascii: "\"")
      {
        at += 1
      }
      guard at < line.count else { return best }
      let key = UnsafeRawBufferPointer(rebasing: line[start..<at])
      if line[at] <= 0x20 { continue }
      guard line[at] == UInt8(ascii: "="), !key.isEmpty else { return best }
      at += 1
      guard let value = Self.logfmtText(line, &at) else { return best }
      guard lengths >> UInt64(min(key.count, 63)) & 1 == 1 else { continue }
      if let rank = fields.firstIndex(where: { Self.equalFold($0, key) }), rank < bestRank {
        if rank == 0 { return value }
        (best, bestRank) = (value, rank)
      }
    }
  }

  private static func logfmtText(_ line: UnsafeRawBufferPointer, _ at: inout Int)
    -> UnsafeRawBufferPointer?
  {
    guard at < line.count, line[at] > 0x20 else {
      return UnsafeRawBufferPointer(rebasing: line[at..<at])
    }
    if line[at] == UInt8(ascii: "\"") {
      let start = at + 1
      guard let end = stringEnd(line, start) else { return nil }
      at = end + 1
      return UnsafeRawBufferPointer(rebasing: line[start..<end])
    }
    let start = at
    while at < line.count, line[at] > 0x20 {
      if line[at] == UInt8(ascii: "=") || line[at] == UInt8(ascii: "\"") { return nil }
      at += 1
    }
    return UnsafeRawBufferPointer(rebasing: line[start..<at])
  }

  private static func equalFold(_ field: [UInt8], _ key: UnsafeRawBufferPointer) -> Bool {
    guard field.count == key.count else { return false }
    for index in 0..<key.count {
      let a = field[index]
      let b = key[index]
      guard a != b else { continue }
      let lower = a | 0x20
      guard lower == b | 0x20, lower >= 0x61, lower <= 0x7a else { return false }
    }
    return true
  }
}
