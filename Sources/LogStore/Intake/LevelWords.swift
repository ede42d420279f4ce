/// A level as Loki names it in `detected_level`.
enum DetectedLevel: Int, CaseIterable {
  case unknown, trace, debug, info, warn, error, critical, fatal

  var name: String {
    switch self {
    case .unknown: "unknown"
    case .trace: "trace"
    case .debug: "debug"
    case .info: "info"
    case .warn: "warn"
    case .error: "error"
    case .critical: "critical"
    case .fatal: "fatal"
    }
  }

  /// The level that a field's whole value names, in any case; nil for other words.
  init?(word: UnsafeRawBufferPointer) {
    switch word.count {
    case 3:
      if word.equalsIgnoringCase("err") {
        self = .error
      } else if word.equalsIgnoringCase("inf") {
        self = .info
      } else if word.equalsIgnoringCase("wrn") {
        self = .warn
      } else if word.equalsIgnoringCase("dbg") {
        self = .debug
      } else if word.equalsIgnoringCase("trc") {
        self = .trace
      } else {
        return nil
      }
    case 4:
      if word.equalsIgnoringCase("info") {
        self = .info
      } else if word.equalsIgnoringCase("warn") {
        self = .warn
      } else {
        return nil
      }
    case 5:
      if word.equalsIgnoringCase("error") {
        self = .error
      } else if word.equalsIgnoringCase("debug") {
        self = .debug
      } else if word.equalsIgnoringCase("trace") {
        self = .trace
      } else if word.equalsIgnoringCase("fatal") {
        self = .fatal
      } else {
        return nil
      }
    case 7 where word.equalsIgnoringCase("warning"): self = .warn
    case 8 where word.equalsIgnoringCase("critical"): self = .critical
    case 11 where word.equalsIgnoringCase("information"): self = .info
    default: return nil
    }
  }

  /// The first level word that stands alone in `line`, or unknown.
  ///
  /// A blank, bracket, quote, `=` or `|` may stand before it; after it also `:`, `,` and `!`.
  init(firstWordOf line: UnsafeRawBufferPointer) {
    // First letters of the words, as bits by their place in the alphabet.
    let firstLetters: UInt32 = Self.bits("tdfcewi")
    self = .unknown
    var at = 0
    let end = line.count
    while at < end {
      let lower = line[at] | 0x20
      if lower >= 0x61, lower <= 0x7a, firstLetters >> UInt32(lower & 31) & 1 == 1,
        at == 0 || Self.isLeftBoundary(line[at - 1]),
        let level = Self.word(line, at, lower)
      {
        self = level
        return
      }
      at += 1
    }
  }

  private static func bits(_ letters: StaticString) -> UInt32 {
    var bits: UInt32 = 0
    for index in 0..<letters.utf8CodeUnitCount {
      bits |= 1 << UInt32(letters.utf8Start[index] & 31)
    }
    return bits
  }

  private static func word(_ line: UnsafeRawBufferPointer, _ at: Int, _ first: UInt8)
    -> DetectedLevel?
  {
    func stands(_ word: StaticString) -> Bool {
      let end = at + word.utf8CodeUnitCount
      guard end <= line.count, end == line.count || isRightBoundary(line[end]) else { return false }
      return UnsafeRawBufferPointer(rebasing: line[at..<end]).equalsIgnoringCase(word)
    }
    switch first {
    case UInt8(ascii: "t"): return stands("trace") ? .trace : nil
    case UInt8(ascii: "d"): return stands("debug") ? .debug : nil
    case UInt8(ascii: "f"): return stands("fatal") ? .fatal : nil
    case UInt8(ascii: "c"): return stands("critical") ? .critical : nil
    case UInt8(ascii: "e"): return stands("error") || stands("err") ? .error : nil
    case UInt8(ascii: "w"): return stands("warn") || stands("warning") ? .warn : nil
    case UInt8(ascii: "i"): return stands("info") ? .info : nil
    default: return nil
    }
  }

  @inline(__always)
  private static func isLeftBoundary(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x20, 0x09, 0x0a, UInt8(ascii: "["), UInt8(ascii: "("), UInt8(ascii: "{"),
      UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "="), UInt8(ascii: "|"):
      true
    default: false
    }
  }

  @inline(__always)
  private static func isRightBoundary(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "]"), UInt8(ascii: ")"), UInt8(ascii: "}"), UInt8(ascii: ":"),
      UInt8(ascii: ","), UInt8(ascii: "!"):
      true
    default: isLeftBoundary(byte)
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Whether the bytes are `word`, which is in lower case, with ASCII letters in any case.
  @inline(__always)
  func equalsIgnoringCase(_ word: StaticString) -> Bool {
    guard count == word.utf8CodeUnitCount else { return false }
    for index in 0..<count where self[index] | 0x20 != word.utf8Start[index] { return false }
    return true
  }
}
