/// A command line as far as it is typed, in words as a shell reads them.
struct TypedLine {
  struct Word: Equatable {
    /// Without quotes and escapes.
    var text = ""
    /// As typed, in characters from the line's beginning.
    var start = 0
    /// The quote that is open at the word's end, and the one it begins with.
    var openQuote: Character?
    var firstQuote: Character?
  }

  /// The last one is the word that is being typed, empty behind a blank.
  private(set) var words: [Word] = []
  private let line: [Character]

  var last: Word { words.last ?? Word() }

  init(_ text: String) {
    line = Array(text)
    var word = Word()
    var isInWord = false
    var index = 0
    while index < line.count {
      let character = line[index]
      if let quote = word.openQuote {
        if character == quote {
          word.openQuote = nil
        } else if character == "\\", quote == "\"", index + 1 < line.count,
          "\"\\$`".contains(line[index + 1])
        {
          index += 1
          word.text.append(line[index])
        } else {
          word.text.append(character)
        }
      } else if character == " " || character == "\t" {
        if isInWord { words.append(word) }
        word = Word()
        isInWord = false
      } else {
        if !isInWord { word.start = index }
        if character == "'" || character == "\"" {
          word.openQuote = character
          if !isInWord { word.firstQuote = character }
        } else if character == "\\", index + 1 < line.count {
          index += 1
          word.text.append(line[index])
        } else {
          word.text.append(character)
        }
        isInWord = true
      }
      index += 1
    }
    if !isInWord { word.start = line.count }
    words.append(word)
  }

  /// `text` as it can stand in place of the last word: with the quote that the user began with, or
  /// in quotes where the shell would act on something in it.
  func quoted(_ text: String) -> String {
    let isPlain = text.allSatisfy { character in
      character.isASCII
        && (character.isLetter || character.isNumber || "-_./=:,@+".contains(character))
    }
    guard let quote = last.firstQuote ?? (isPlain ? nil : "'") else { return text }
    guard quote == "'" else {
      return "\"" + text.map { "\"\\$`".contains($0) ? "\\\($0)" : "\($0)" }.joined()
    }
    return "'"
      + text.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "'\\''")
  }

  /// How many characters of the last word stand before what the shell takes to be its last word,
  /// since it breaks words at `breaks` too; it does not break within quotes.
  func lastBreak(_ breaks: String) -> Int {
    guard last.firstQuote == nil, last.openQuote == nil else { return 0 }
    let typed = line[last.start...]
    guard let at = typed.lastIndex(where: { breaks.contains($0) && $0 != " " }) else { return 0 }
    return at + 1 - last.start
  }
}

/// Where in a selector `{a="b", c=` a word ends.
struct SelectorPlace: Equatable {
  enum Kind: Equatable {
    /// A label's name, as far as it is typed.
    case name(String)
    /// A value of the label `name`.
    case value(String, String, isQuoted: Bool)
  }

  var kind: Kind
  /// What stands before the part to complete.
  var before: String

  /// nil when the text does not end within a selector.
  init?(_ text: String) {
    var isInSelector = false
    var quote: Character?
    var part = text.startIndex
    var name = ""
    var hasOperator = false
    var index = text.startIndex
    while index < text.endIndex {
      let character = text[index]
      let next = text.index(after: index)
      if let open = quote {
        if character == "\\", open == "\"", next < text.endIndex {
          index = text.index(after: next)
          continue
        }
        if character == open { quote = nil }
      } else if character == "\"" || character == "`" {
        quote = character
        part = next
      } else if !isInSelector {
        if character == "{" {
          isInSelector = true
          part = next
          hasOperator = false
        }
      } else if character == "}" {
        isInSelector = false
      } else if character == "," {
        part = next
        hasOperator = false
      } else if character == " ", !hasOperator, text[part..<index].allSatisfy({ $0 == " " }) {
        part = next
      } else if "=!~".contains(character) {
        if !hasOperator { name = String(text[part..<index].filter { $0 != " " }) }
        hasOperator = true
        part = next
      }
      index = next
    }
    guard isInSelector else { return nil }
    before = String(text[..<part])
    let begun = String(text[part...])
    if !hasOperator {
      kind = .name(begun)
    } else if quote != nil {
      kind = .value(name, begun, isQuoted: true)
    } else if begun.isEmpty {
      kind = .value(name, "", isQuoted: false)
    } else {
      return nil
    }
  }
}
