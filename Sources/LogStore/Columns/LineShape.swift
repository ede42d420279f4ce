/// What a line is made of: constants with slots between them. The line is the constants and the
/// values of its slots, one after another, to the byte.
///
/// A shape's text has ``clean`` or ``odd`` where a slot is; a line that holds one of these bytes
/// itself is kept whole.
struct LineShape: Sendable {
  enum Kind: UInt8, Sendable {
    /// Words and numbers; slots have no names.
    case text = 0
    /// A JSON object, slots named by their paths.
    case json = 1
    /// `key=value` pairs, slots named by their keys.
    case logfmt = 2
    /// The names of a row's structured metadata; there is no line.
    case metadata = 3
  }

  /// A slot whose value says for itself what a parser would take from it.
  static let clean: UInt8 = 0x11
  /// A slot with escapes, bytes that are no UTF-8, or an array.
  static let odd: UInt8 = 0x12

  let kind: Kind
  /// Constants and marks.
  let text: [UInt8]
  /// Where the constants lie in `text`: one more than there are slots.
  let constants: [Range<Int>]
  /// The column of each slot.
  let columns: [UInt32]

  init(kind: Kind, text: [UInt8], columns: [UInt32]) {
    self.kind = kind
    self.text = text
    self.columns = columns
    constants = Self.constants(of: text)
  }

  static func constants(of text: [UInt8]) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var start = 0
    for (at, byte) in text.enumerated() where byte == clean || byte == odd {
      found.append(start..<at)
      start = at + 1
    }
    found.append(start..<text.count)
    return found
  }

  func constant(_ index: Int) -> ArraySlice<UInt8> { text[constants[index]] }
}

/// What a slot's values are called, so that shapes share columns.
struct ColumnKey: Hashable, Sendable {
  enum Kind: UInt8, Sendable {
    /// The slot `ordinal` of the shape `shape`.
    case slot = 0
    /// The value at a path of a JSON object: keys, each after its length as a byte pair.
    case json = 1
    case oddJSON = 2
    case logfmt = 3
    case oddLogfmt = 4
    case metadata = 5
  }

  var kind: Kind
  var name: [UInt8]
  var shape: UInt32 = 0
  var ordinal: UInt32 = 0

  /// Keys of a path as a name.
  static func name(path: [[UInt8]]) -> [UInt8] {
    var name: [UInt8] = []
    for key in path {
      name.append(UInt8(truncatingIfNeeded: key.count))
      name.append(UInt8(truncatingIfNeeded: key.count >> 8))
      name.append(contentsOf: key)
    }
    return name
  }

  /// The keys of a path's name.
  static func path(of name: [UInt8]) -> [[UInt8]] {
    var path: [[UInt8]] = []
    var at = 0
    while at + 2 <= name.count {
      let count = Int(name[at]) | Int(name[at + 1]) << 8
      guard at + 2 + count <= name.count else { break }
      path.append(Array(name[(at + 2)..<(at + 2 + count)]))
      at += 2 + count
    }
    return path
  }
}

/// What a JSON shape says of paths: read off its text, which is JSON with marks for values.
struct JSONShapePaths {
  /// The path of each slot, in order.
  private(set) var slots: [[[UInt8]]] = []
  /// Paths of objects, empty ones too.
  private(set) var objects: [[[UInt8]]] = []
  /// Paths whose value is null.
  private(set) var nulls: [[[UInt8]]] = []
  /// A key has an escape or is no plain text, or two paths are the same: nothing is said then of
  /// what a parser would take.
  private(set) var isAmbiguous = false

  private var seen: Set<[[UInt8]]> = []
  /// Deeper than any shape that is written.
  private static let depthMax = 32

  /// Reads a shape's text; nil when that is no object.
  init?(_ text: [UInt8]) {
    var at = 0
    guard text.first == UInt8(ascii: "{"), readObject(text, &at, []) else { return nil }
  }

  private mutating func readObject(_ text: [UInt8], _ at: inout Int, _ path: [[UInt8]]) -> Bool {
    guard path.count < Self.depthMax else { return false }
    at += 1
    Self.skipBlanks(text, &at)
    if at < text.count, text[at] == UInt8(ascii: "}") {
      at += 1
      return true
    }
    while at < text.count, text[at] == UInt8(ascii: "\"") {
      let start = at + 1
      at += 1
      while at < text.count, text[at] != UInt8(ascii: "\"") {
        if text[at] == UInt8(ascii: "\\") { at += 1 }
        at += 1
      }
      guard at < text.count else { return false }
      let key = Array(text[start..<at])
      if key.contains(where: { $0 == UInt8(ascii: "\\") || $0 >= 0x7f || $0 < 0x20 }) {
        isAmbiguous = true
      }
      at += 1
      Self.skipBlanks(text, &at)
      guard at < text.count, text[at] == UInt8(ascii: ":") else { return false }
      at += 1
      Self.skipBlanks(text, &at)
      let inner = path + [key]
      if !seen.insert(inner).inserted { isAmbiguous = true }
      guard readValue(text, &at, inner) else { return false }
      Self.skipBlanks(text, &at)
      guard at < text.count else { return false }
      if text[at] == UInt8(ascii: "}") {
        at += 1
        return true
      }
      guard text[at] == UInt8(ascii: ",") else { return false }
      at += 1
      Self.skipBlanks(text, &at)
    }
    return false
  }

  private mutating func readValue(_ text: [UInt8], _ at: inout Int, _ path: [[UInt8]]) -> Bool {
    guard at < text.count else { return false }
    switch text[at] {
    case UInt8(ascii: "{"):
      objects.append(path)
      return readObject(text, &at, path)
    case UInt8(ascii: "n"):
      nulls.append(path)
      at += 4
    case UInt8(ascii: "\""):
      slots.append(path)
      at += 3
    default:
      slots.append(path)
      at += 1
    }
    return true
  }

  private static func skipBlanks(_ text: [UInt8], _ at: inout Int) {
    while at < text.count,
      text[at] == 0x20 || text[at] == 0x09 || text[at] == 0x0a || text[at] == 0x0d
    {
      at += 1
    }
  }
}
