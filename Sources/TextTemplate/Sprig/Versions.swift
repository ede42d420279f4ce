/// Semantic versions (semver.org, 2.0.0) and conditions on them.
struct Versions: Comparable {
  var numbers: [Int]
  /// How many numbers were written.
  var written: Int
  var prerelease: [Substring]
  var metadata: Substring

  init?(_ text: some StringProtocol) {
    var rest = Substring(text)
    if rest.first == "v" { rest = rest.dropFirst() }
    metadata = ""
    prerelease = []
    if let plus = rest.firstIndex(of: "+") {
      metadata = rest[rest.index(after: plus)...]
      rest = rest[..<plus]
    }
    if let dash = rest.firstIndex(of: "-") {
      prerelease = rest[rest.index(after: dash)...].split(
        separator: ".", omittingEmptySubsequences: false)
      rest = rest[..<dash]
    }
    numbers = []
    for part in rest.split(separator: ".", omittingEmptySubsequences: false) {
      if ["x", "X", "*"].contains(part) { break }
      guard let number = Int(part), number >= 0, numbers.count < 3 else { return nil }
      numbers.append(number)
    }
    written = numbers.count
    while numbers.count < 3 { numbers.append(0) }
  }

  static func < (a: Versions, b: Versions) -> Bool {
    if a.numbers != b.numbers { return a.numbers.lexicographicallyPrecedes(b.numbers) }
    if a.prerelease.isEmpty || b.prerelease.isEmpty { return b.prerelease.isEmpty && a != b }
    for (x, y) in zip(a.prerelease, b.prerelease) where x != y {
      switch (Int(x), Int(y)) {
      case (let x?, let y?): return x < y
      case (_?, nil): return true
      case (nil, _?): return false
      default: return x < y
      }
    }
    return a.prerelease.count < b.prerelease.count
  }

  static func == (a: Versions, b: Versions) -> Bool {
    a.numbers == b.numbers && a.prerelease == b.prerelease
  }

  /// The first version that is no longer within the numbers that stay the same.
  private func next(after place: Int) -> Versions {
    var copy = self
    copy.prerelease = []
    for index in 0..<3 { copy.numbers[index] = index > place ? 0 : numbers[index] }
    copy.numbers[place] &+= 1
    return copy
  }

  /// `>= 1.2, < 2 || ~3.1 || ^4 || 5.x || 1.2 - 1.4`.
  func meets(_ conditions: String) -> Bool? {
    var result = false
    for alternative in conditions.replacing("||", with: "\u{1}").split(separator: "\u{1}") {
      var holds = true
      let spaced = alternative.replacing(" - ", with: "\u{2}")
      for condition in spaced.split(whereSeparator: { $0 == "," }) {
        guard let isMet = meetsAll(condition) else { return nil }
        holds = holds && isMet
      }
      result = result || holds
    }
    return result
  }

  private func meetsAll(_ text: Substring) -> Bool? {
    let bounds = text.split(separator: "\u{2}")
    if bounds.count == 2 {
      let ends = bounds.map { $0.filter { $0 != " " } }
      guard let low = meets(">=", ends[0]), let high = meets("<=", ends[1]) else { return nil }
      return low && high
    }
    var rest = text.drop { $0 == " " }
    var holds = true
    while !rest.isEmpty {
      let operation = rest.prefix { "=!<>~^".contains($0) }
      rest = rest[operation.endIndex...].drop { $0 == " " }
      let version = rest.prefix { $0 != " " && !"=!<>~^".contains($0) }
      rest = rest[version.endIndex...].drop { $0 == " " }
      guard let isMet = meets(String(operation), String(version)) else { return nil }
      holds = holds && isMet
    }
    return holds
  }

  private func meets(_ operation: String, _ text: String) -> Bool? {
    guard let other = Versions(text) else { return nil }
    // A version before a release meets no condition that does not name one.
    if !prerelease.isEmpty, other.prerelease.isEmpty { return false }
    let isWhole = other.written == 3
    let place = max(0, other.written - 1)
    let within = other.written == 0 || (self >= other && self < other.next(after: place))
    switch operation {
    case "", "=", "==": return isWhole ? self == other : within
    case "!=": return isWhole ? self != other : !within
    case ">": return isWhole || other.written == 0 ? self > other : self >= other.next(after: place)
    case ">=", "=>": return self >= other
    case "<": return self < other
    case "<=", "=<": return isWhole ? self <= other : self < other || within
    case "~", "~>":
      return other.written == 0
        || (self >= other && self < other.next(after: min(1, place)))
    case "^":
      let first = other.numbers.prefix(max(1, other.written)).firstIndex { $0 > 0 }
      return other.written == 0 || (self >= other && self < other.next(after: first ?? place))
    default: return nil
    }
  }

  static var table: TemplateFunctions {
    var table = TemplateFunctions()
    table["semver"] = TemplateFunction(.string) { (arguments) throws(TemplateCallError) in
      guard let version = Versions(arguments[0].text), version.written > 0 else {
        throw TemplateCallError("Invalid Semantic Version")
      }
      return .map(
        TemplateMap([
          ("Major", .int(version.numbers[0])), ("Minor", .int(version.numbers[1])),
          ("Patch", .int(version.numbers[2])),
          ("Prerelease", .string(version.prerelease.joined(separator: "."))),
          ("Metadata", .string(String(version.metadata))), ("Original", arguments[0]),
        ]))
    }
    table["semverCompare"] = TemplateFunction(.string, .string) {
      (arguments) throws(TemplateCallError) in
      guard let version = Versions(arguments[1].text), version.written > 0 else {
        throw TemplateCallError("Invalid Semantic Version")
      }
      guard let holds = version.meets(arguments[0].text) else {
        throw TemplateCallError("improper constraint: \(arguments[0].text)")
      }
      return .bool(holds)
    }
    return table
  }
}
