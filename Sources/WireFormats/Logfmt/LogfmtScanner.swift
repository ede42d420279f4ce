/// One key and value of a logfmt line, as indices of the scanned text.
package struct LogfmtPair: Hashable, Sendable {
  package let key: Range<Int>
  /// Without its quotes; empty for `key`, `key=` and `key=""`.
  package let value: Range<Int>
  /// Whether the value holds backslashes, so that ``LogfmtScanner/unescape(_:into:)`` is needed.
  package let hasEscapes: Bool
}

/// A place where a line is not logfmt.
package struct LogfmtError: Error, Hashable {
  /// `unexpected '"'`, `unexpected '='`, `invalid key`, `unterminated quoted value` or
  /// `invalid quoted value`.
  package let reason: String
  /// Counted in bytes from 1.
  package let position: Int

  package init(reason: String, position: Int) {
    self.reason = reason
    self.position = position
  }

  /// In Loki's words: `logfmt syntax error at pos 7 : unexpected '"'`.
  package var message: String { "logfmt syntax error at pos \(position) : \(reason)" }
}

/// Reads the pairs of one logfmt line, without allocating, by the rules of go-logfmt as Loki
/// keeps them.
///
/// Every byte up to the blank separates pairs, line feeds too. Quoted values have JSON's escapes
/// and `\'`. After a fault the rest of that pair is skipped and scanning can go on; whether it
/// does (Loki) or stops (`--strict`, Promtail) is the caller's business, as is what an empty
/// value means.
package struct LogfmtScanner {
  /// What ``next()`` found.
  package enum Step: Hashable, Sendable {
    case pair(LogfmtPair)
    case fault(LogfmtError)
    case end
  }

  package let text: UnsafeRawBufferPointer
  /// The index of the next byte to look at.
  package private(set) var position = 0

  /// The bytes are borrowed: they must stay as they are while the scanner is used.
  package init(_ text: UnsafeRawBufferPointer) { self.text = text }

  /// The bytes of `range`, borrowed from the text.
  package func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: text[range])
  }

  package mutating func next() -> Step {
    while position < text.count, text[position] <= 0x20 { position += 1 }
    guard position < text.count else { return .end }
    let start = position
    var isMultibyte = false
    while position < text.count {
      let byte = text[position]
      if byte == UInt8(ascii: "=") {
        guard position > start else { return fault(unexpected(byte)) }
        guard isKey(start..<position, isMultibyte) else { return fault("invalid key") }
        return value(of: start..<position)
      }
      if byte == UInt8(ascii: "\"") { return fault(unexpected(byte)) }
      if byte <= 0x20 { break }
      if byte >= 0x80 { isMultibyte = true }
      position += 1
    }
    let key = start..<position
    guard isKey(key, isMultibyte) else {
      return .fault(LogfmtError(reason: "invalid key", position: position + 1))
    }
    return .pair(LogfmtPair(key: key, value: position..<position, hasEscapes: false))
  }

  /// Appends the pair's value to `out` with its escapes resolved; lone surrogates and bytes that
  /// are not UTF-8 become U+FFFD when there are escapes, and stay when there are none.
  package func unescape(_ pair: LogfmtPair, into out: inout [UInt8]) {
    guard pair.hasEscapes else {
      out.append(contentsOf: bytes(pair.value))
      return
    }
    _ = QuotedText.unescape(text, pair.value) { out.append(contentsOf: $0) }
  }

  /// Reads the value behind the equals sign at the position.
  private mutating func value(of key: Range<Int>) -> Step {
    position += 1
    guard position < text.count, text[position] > 0x20 else {
      return .pair(LogfmtPair(key: key, value: position..<position, hasEscapes: false))
    }
    if text[position] == UInt8(ascii: "\"") { return quotedValue(of: key) }
    let start = position
    while position < text.count {
      let byte = text[position]
      if byte == UInt8(ascii: "=") || byte == UInt8(ascii: "\"") { return fault(unexpected(byte)) }
      if byte <= 0x20 { break }
      position += 1
    }
    return .pair(LogfmtPair(key: key, value: start..<position, hasEscapes: false))
  }

  private mutating func quotedValue(of key: Range<Int>) -> Step {
    position += 1
    let start = position
    var hasEscapes = false
    while position < text.count {
      let byte = text[position]
      if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        position += 2
        continue
      }
      position += 1
      guard byte == UInt8(ascii: "\"") else { continue }
      let range = start..<(position - 1)
      if hasEscapes, !QuotedText.unescape(text, range, { _ in }) {
        return .fault(LogfmtError(reason: "invalid quoted value", position: position + 1))
      }
      return .pair(LogfmtPair(key: key, value: range, hasEscapes: hasEscapes))
    }
    position = text.count
    return .fault(LogfmtError(reason: "unterminated quoted value", position: position + 1))
  }

  private func unexpected(_ byte: UInt8) -> String {
    "unexpected '\(Character(Unicode.Scalar(byte)))'"
  }

  /// A fault at the position; what is left up to the next blank is skipped.
  private mutating func fault(_ reason: String) -> Step {
    let error = LogfmtError(reason: reason, position: position + 1)
    while position < text.count, text[position] > 0x20 { position += 1 }
    return .fault(error)
  }

  /// A key must be UTF-8 and must not hold U+FFFD.
  private func isKey(_ range: Range<Int>, _ isMultibyte: Bool) -> Bool {
    guard isMultibyte else { return true }
    let key = bytes(range)
    guard UTF8Sequence.isValid(key) else { return false }
    for at in key.indices.dropLast(2) where key[at] == 0xef {
      if key[at + 1] == 0xbf, key[at + 2] == 0xbd { return false }
    }
    return true
  }
}

/// JSON's escapes as go-logfmt reads them: `\'` besides, and no control characters.
private enum QuotedText {
  /// Hands the parts of `range` to `emit` with escapes resolved; false when it is malformed.
  static func unescape(
    _ text: UnsafeRawBufferPointer, _ range: Range<Int>,
    _ emit: (UnsafeRawBufferPointer) -> Void
  ) -> Bool {
    var at = range.lowerBound
    let end = range.upperBound
    var plainFrom = at
    func flush(_ to: Int) {
      if plainFrom < to { emit(UnsafeRawBufferPointer(rebasing: text[plainFrom..<to])) }
    }
    while at < end {
      let byte = text[at]
      if byte < 0x20 { return false }
      if byte >= 0x80 {
        let inner = UnsafeRawBufferPointer(rebasing: text[..<end])
        let length = UTF8Sequence.length(inner, at: at)
        if length == 0 {
          flush(at)
          emitScalar(0xfffd, emit)
          plainFrom = at + 1
        }
        at += max(1, length)
        continue
      }
      guard byte == UInt8(ascii: "\\") else {
        at += 1
        continue
      }
      flush(at)
      guard at + 1 < end, let next = escape(text, at, end, emit) else { return false }
      at = next
      plainFrom = at
    }
    flush(at)
    return true
  }

  /// Resolves the escape at `at`; the index behind it, or nil when it is malformed.
  private static func escape(
    _ text: UnsafeRawBufferPointer, _ at: Int, _ end: Int,
    _ emit: (UnsafeRawBufferPointer) -> Void
  ) -> Int? {
    switch text[at + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'"):
      emit(UnsafeRawBufferPointer(rebasing: text[(at + 1)...(at + 1)]))
    case UInt8(ascii: "b"): emitScalar(8, emit)
    case UInt8(ascii: "f"): emitScalar(12, emit)
    case UInt8(ascii: "n"): emitScalar(10, emit)
    case UInt8(ascii: "r"): emitScalar(13, emit)
    case UInt8(ascii: "t"): emitScalar(9, emit)
    case UInt8(ascii: "u"):
      guard let unit = codeUnit(text, at, end) else { return nil }
      if unit & 0xfc00 == 0xd800, let low = codeUnit(text, at + 6, end), low & 0xfc00 == 0xdc00 {
        emitScalar(0x10000 + (unit & 0x3ff) << 10 + (low & 0x3ff), emit)
        return at + 12
      }
      emitScalar(unit & 0xf800 == 0xd800 ? 0xfffd : unit, emit)
      return at + 6
    default: return nil
    }
    return at + 2
  }

  private static func codeUnit(_ text: UnsafeRawBufferPointer, _ at: Int, _ end: Int) -> UInt32? {
    guard at + 6 <= end, text[at] == UInt8(ascii: "\\"), text[at + 1] == UInt8(ascii: "u") else {
      return nil
    }
    var unit: UInt32 = 0
    for index in (at + 2)..<(at + 6) {
      guard let digit = JSONScanner.hexValue(text[index]) else { return nil }
      unit = unit << 4 | digit
    }
    return unit
  }

  private static func emitScalar(_ value: UInt32, _ emit: (UnsafeRawBufferPointer) -> Void) {
    let scalar = Unicode.Scalar(value) ?? "\u{fffd}"
    let bytes = Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    bytes.withUnsafeBytes { emit($0) }
  }
}
