/// Which entries of a journal are wanted, as `matches` has it.
///
/// `FIELD=value` terms parted by spaces. Terms of different fields must all hold, of several
/// values of one field any may; `+` between two groups means that either group suffices, as with
/// `journalctl`.
package struct JournalMatches: Hashable, Sendable {
  /// Bytes of one term, at most: what libsystemd takes.
  package static let termBytesMax = 64 * 1024

  /// Groups of `FIELD=value` terms; an entry that fits any group is wanted. Empty: all are.
  package let groups: [[String]]

  package static let all = JournalMatches(groups: [])

  private init(groups: [[String]]) { self.groups = groups }

  /// The fields that terms name.
  package var fields: Set<String> {
    var names: Set<String> = []
    for term in groups.joined() { names.insert(String(term.prefix { $0 != "=" })) }
    return names
  }

  /// The same with one more term in each group: `_BOOT_ID=…`, as `journalctl --boot` adds it.
  package func with(term: String) -> JournalMatches {
    JournalMatches(groups: groups.isEmpty ? [[term]] : groups.map { $0 + [term] })
  }

  /// Whether an entry fits any group: of each field that the group names, one of the values.
  package func fits(_ entry: JournalEntry) -> Bool {
    if groups.isEmpty { return true }
    return groups.contains { group in
      var verdicts: [Substring: Bool] = [:]
      for term in group {
        let field = term.prefix { $0 != "=" }
        verdicts[field] = verdicts[field] == true || entry.has(term)
      }
      return verdicts.values.allSatisfy { $0 }
    }
  }

  /// Throws ``LogSourcesError/malformedMatch(text:)``.
  package init(_ text: String) throws(LogSourcesError) {
    var groups: [[String]] = [[]]
    let terms = text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\n" })
    for (index, term) in terms.enumerated() {
      if term == "+" {
        guard groups.last?.isEmpty == false, index + 1 < terms.count else {
          throw .malformedMatch(text: text)
        }
        groups.append([])
        continue
      }
      guard Self.isTerm(term) else { throw .malformedMatch(text: String(term)) }
      groups[groups.count - 1].append(String(term))
    }
    self.groups = groups.filter { !$0.isEmpty }
  }

  private static func isTerm(_ term: Substring) -> Bool {
    guard let equals = term.utf8.firstIndex(of: UInt8(ascii: "=")) else { return false }
    let name = term.utf8[..<equals]
    guard !name.isEmpty, name.count <= 64, term.utf8.count <= termBytesMax else { return false }
    return name.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }
}
