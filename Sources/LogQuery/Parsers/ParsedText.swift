/// Text rules that Loki's parsers share: names made of keys, values made of bytes.
enum ParsedText {
  /// One character of `bytes` at `at`, and its length; nil for a byte that is no UTF-8 (length 1).
  static func scalar(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> (UInt32?, Int) {
    let first = bytes[at]
    if first < 0x80 { return (UInt32(first), 1) }
    let count: Int
    var value: UInt32
    switch first {
    case 0xc2...0xdf: (count, value) = (2, UInt32(first & 0x1f))
    case 0xe0...0xef: (count, value) = (3, UInt32(first & 0x0f))
    case 0xf0...0xf4: (count, value) = (4, UInt32(first & 0x07))
    default: return (nil, 1)
    }
    guard at + count <= bytes.count else { return (nil, 1) }
    for index in 1..<count {
      guard bytes[at + index] & 0xc0 == 0x80 else { return (nil, 1) }
      value = value << 6 | UInt32(bytes[at + index] & 0x3f)
    }
    let isShortest = count == 2 || (count == 3 ? value >= 0x800 : value >= 0x10000)
    guard isShortest, value <= 0x10ffff, !(0xd800...0xdfff).contains(value) else { return (nil, 1) }
    return (value, count)
  }

  static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var at = 0
    while at + 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      if word & 0x8080_8080_8080_8080 != 0 { return false }
      at += 8
    }
    while at < bytes.count {
      if bytes[at] >= 0x80 { return false }
      at += 1
    }
    return true
  }

  /// Whether a byte is no UTF-8, or a character is U+FFFD.
  static func hasReplacement(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if isASCII(bytes) { return false }
    var at = 0
    while at < bytes.count {
      let (scalar, count) = scalar(bytes, at)
      if scalar == nil || scalar == 0xfffd { return true }
      at += count
    }
    return false
  }

  /// The value with a blank for each byte that is no UTF-8 and each U+FFFD.
  static func valid(_ bytes: UnsafeRawBufferPointer, _ arena: ByteArena) -> UnsafeRawBufferPointer {
    guard hasReplacement(bytes) else { return bytes }
    let room = arena.take(bytes.count)
    var at = 0
    var used = 0
    while at < bytes.count {
      let (scalar, count) = scalar(bytes, at)
      if scalar == nil || scalar == 0xfffd {
        room[used] = 0x20
        used += 1
      } else {
        for index in 0..<count { room[used + index] = bytes[at + index] }
        used += count
      }
      at += count
    }
    return UnsafeRawBufferPointer(rebasing: room[0..<used])
  }

  /// Without blanks at both ends.
  static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var low = 0
    var high = bytes.count
    while low < high {
      let (scalar, count) = scalar(bytes, low)
      guard let scalar, isBlank(scalar) else { break }
      low += count
    }
    while high > low {
      var start = high - 1
      while start > low, bytes[start] & 0xc0 == 0x80, high - start < 4 { start -= 1 }
      let (scalar, count) = scalar(bytes, start)
      guard let scalar, start + count == high, isBlank(scalar) else { break }
      high = start
    }
    return UnsafeRawBufferPointer(rebasing: bytes[low..<high])
  }

  private static func isBlank(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x09...0x0d, 0x20, 0x85, 0xa0, 0x1680, 0x2000...0x200a, 0x2028, 0x2029, 0x202f, 0x205f,
      0x3000:
      true
    default: false
    }
  }

  /// Appends a key as a label's name: blanks at the ends go, every other character than letters,
  /// digits and `_` becomes `_`, and a digit at the very start gets `_` before it.
  static func appendName(_ key: UnsafeRawBufferPointer, to out: inout [UInt8]) {
    let key = trimmed(key)
    guard let first = key.first else { return }
    if out.isEmpty, first >= 0x30, first <= 0x39 { out.append(UInt8(ascii: "_")) }
    var at = 0
    while at < key.count {
      if key[at].isLabelNamePart {
        out.append(key[at])
        at += 1
      } else {
        out.append(UInt8(ascii: "_"))
        at += scalar(key, at).1
      }
    }
  }
}

extension UInt8 {
  /// A letter, a digit or `_`.
  @inline(__always)
  fileprivate var isLabelNamePart: Bool {
    let lower = self | 0x20
    return (lower >= 0x61 && lower <= 0x7a) || (self >= 0x30 && self <= 0x39) || self == 0x5f
  }
}

/// Remembers which label's name each key as written stands for.
struct KeyNames {
  private var keys = ByteTable()
  /// -1 for keys that make no name.
  private var ids: [Int32] = []
  private var name: [UInt8] = []
  private static let keysMax = 20_000

  /// The number of the name that `key` makes; nil when nothing is left of it.
  mutating func id(_ key: UnsafeRawBufferPointer, _ names: LabelNames) -> LabelNames.ID? {
    if let known = keys.find(key) { return ids[known] < 0 ? nil : Int(ids[known]) }
    name.removeAll(keepingCapacity: true)
    ParsedText.appendName(key, to: &name)
    let id = name.isEmpty ? -1 : name.withUnsafeBytes { names.id(of: $0) }
    if keys.count < KeyNames.keysMax {
      _ = keys.insert(key)
      ids.append(Int32(id))
    }
    return id < 0 ? nil : id
  }

  mutating func forget() {
    keys.truncate(to: 0)
    ids = []
  }
}
