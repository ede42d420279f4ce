/// Go's `strings` package over Swift's strings, character by Unicode scalar.
enum GoStrings {
  private static func mapped(
    _ text: String, _ change: (Unicode.Scalar) -> Unicode.Scalar
  ) -> String {
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { out.append(change(scalar)) }
    return String(out)
  }

  /// Each character by itself, as Go does: what would become two stays.
  static func upper(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    if scalar.isASCII { return (97...122).contains(scalar.value) ? lowered(scalar, -32) : scalar }
    return single(scalar.properties.uppercaseMapping) ?? scalar
  }

  static func lower(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    if scalar.isASCII { return (65...90).contains(scalar.value) ? lowered(scalar, 32) : scalar }
    return single(scalar.properties.lowercaseMapping) ?? scalar
  }

  private static func lowered(_ scalar: Unicode.Scalar, _ by: Int) -> Unicode.Scalar {
    Unicode.Scalar(UInt8(Int(scalar.value) + by))
  }

  private static func single(_ text: String) -> Unicode.Scalar? {
    text.unicodeScalars.count == 1 ? text.unicodeScalars.first : nil
  }

  static func upper(_ text: String) -> String { mapped(text, upper) }
  static func lower(_ text: String) -> String { mapped(text, lower) }

  /// A capital at the start of each word.
  static func title(_ text: String) -> String {
    var previous: Unicode.Scalar = " "
    return mapped(text) { scalar in
      defer { previous = scalar }
      return isSeparator(previous) ? single(scalar.properties.titlecaseMapping) ?? scalar : scalar
    }
  }

  private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII {
      let lower = scalar.value | 0x20
      return !((97...122).contains(lower) || (48...57).contains(scalar.value) || scalar == "_")
    }
    let properties = scalar.properties
    if properties.isAlphabetic || properties.numericType != nil { return false }
    return properties.isWhitespace
  }

  // MARK: Trimming

  static func trim(_ text: String, left: Bool, right: Bool, where drops: (Unicode.Scalar) -> Bool)
    -> String
  {
    var view = text.unicodeScalars[...]
    if left { view = view.drop(while: drops) }
    if right { while let last = view.last, drops(last) { view.removeLast() } }
    return String(String.UnicodeScalarView(view))
  }

  static func trimSpace(_ text: String) -> String {
    trim(text, left: true, right: true) { $0.properties.isWhitespace }
  }

  static func trim(_ text: String, _ cut: String, left: Bool = true, right: Bool = true) -> String {
    let set = Set(cut.unicodeScalars)
    return trim(text, left: left, right: right) { set.contains($0) }
  }

  static func trimPrefix(_ text: String, _ prefix: String) -> String {
    text.utf8.starts(with: prefix.utf8)
      ? String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self) : text
  }

  static func trimSuffix(_ text: String, _ suffix: String) -> String {
    hasSuffix(text, suffix)
      ? String(decoding: text.utf8.dropLast(suffix.utf8.count), as: UTF8.self) : text
  }

  static func hasSuffix(_ text: String, _ suffix: String) -> Bool {
    text.utf8.reversed().starts(with: suffix.utf8.reversed())
  }

  // MARK: Searching

  /// Where `part` first lies at or after `start`.
  static func find(_ part: [UInt8], _ text: [UInt8], from start: Int = 0) -> Int? {
    guard let first = part.first else { return start <= text.count ? start : nil }
    var at = start
    while at + part.count <= text.count {
      guard let next = text[at...(text.count - part.count)].firstIndex(of: first) else {
        return nil
      }
      if text[next...].starts(with: part) { return next }
      at = next + 1
    }
    return nil
  }

  static func contains(_ text: String, _ part: String) -> Bool {
    find(Array(part.utf8), Array(text.utf8)) != nil
  }

  /// `count` replacements at most, all of them when negative. An empty `old` lies before each
  /// character and at the end.
  static func replace(_ text: String, _ old: String, _ new: String, _ count: Int)
    throws(TemplateCallError) -> String
  {
    if count == 0 || old.utf8.elementsEqual(new.utf8) { return text }
    let bytes = Array(text.utf8)
    let from = Array(old.utf8)
    let to = Array(new.utf8)
    var out: [UInt8] = []
    var at = 0
    var done = 0
    func check() throws(TemplateCallError) { try TextBounds.check(out.count + bytes.count, 1) }
    if from.isEmpty {
      while count < 0 || done < count {
        out += to
        done += 1
        try check()
        guard at < bytes.count else { break }
        let end = characterEnd(bytes, at)
        out += bytes[at..<end]
        at = end
      }
    } else {
      while count < 0 || done < count, let found = find(from, bytes, from: at) {
        out += bytes[at..<found]
        out += to
        at = found + from.count
        done += 1
        try check()
      }
    }
    out += bytes[at...]
    return String(decoding: out, as: UTF8.self)
  }

  static func characterEnd(_ bytes: [UInt8], _ at: Int) -> Int {
    var end = at + 1
    while end < bytes.count, bytes[end] & 0xc0 == 0x80 { end += 1 }
    return end
  }

  static func split(_ text: String, _ separator: String) -> [String] {
    guard !separator.isEmpty else { return text.unicodeScalars.map { String($0) } }
    let bytes = Array(text.utf8)
    let part = Array(separator.utf8)
    var out: [String] = []
    var at = 0
    while let found = find(part, bytes, from: at) {
      out.append(String(decoding: bytes[at..<found], as: UTF8.self))
      at = found + part.count
    }
    return out + [String(decoding: bytes[at...], as: UTF8.self)]
  }

  /// Bytes `low..<high`; a character that is cut becomes U+FFFD.
  static func slice(_ text: String, _ low: Int, _ high: Int) throws(TemplateCallError) -> String {
    let bytes = Array(text.utf8)
    guard low >= 0, high <= bytes.count, low <= high else {
      throw TemplateCallError(
        high > bytes.count || high < 0
          ? "runtime error: slice bounds out of range [:\(high)] with length \(bytes.count)"
          : "runtime error: slice bounds out of range [\(low):\(high)]")
    }
    return String(decoding: bytes[low..<high], as: UTF8.self)
  }
}
