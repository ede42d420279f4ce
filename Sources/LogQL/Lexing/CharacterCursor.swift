/// Walks a query character by character and knows where it is, as Go's text/scanner does: columns
/// count Unicode scalars from 1.
struct CharacterCursor {
  private let scalars: [Unicode.Scalar]
  private(set) var index = 0
  private(set) var line = 1
  private(set) var column = 1

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  func peek(_ distance: Int) -> Unicode.Scalar? {
    index + distance < scalars.count ? scalars[index + distance] : nil
  }

  @discardableResult
  mutating func advance() -> Unicode.Scalar? {
    guard let scalar = next else { return nil }
    index += 1
    if scalar == "\n" {
      line += 1
      column = 1
    } else {
      column += 1
    }
    return scalar
  }

  /// What was passed since `start`.
  func text(since start: Int) -> String {
    var text = ""
    text.unicodeScalars.append(contentsOf: scalars[start..<index])
    return text
  }

  mutating func skip(while condition: (Unicode.Scalar) -> Bool) {
    while let scalar = next, condition(scalar) { advance() }
  }

  mutating func skipWhitespace() { skip { $0.properties.isWhitespace } }
}

extension Unicode.Scalar {
  var isDecimalDigit: Bool { value >= 0x30 && value <= 0x39 }

  var isHexDigit: Bool {
    switch self {
    case "0"..."9", "a"..."f", "A"..."F": true
    default: false
    }
  }

  func isIdentifierPart(isFirst: Bool) -> Bool {
    if self == "_" { return true }
    if isASCII {
      return properties.isAlphabetic || (!isFirst && isDecimalDigit)
    }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      return true
    case .decimalNumber: return !isFirst
    default: return false
    }
  }
}
