import Foundation

/// A JSON text as it is written: members in order, numbers as text; nil for what is malformed.
indirect enum NaiveJSON {
  case object([(String, NaiveJSON)])
  case array([NaiveJSON], String)
  case text(String)
  /// A number, `true` or `false`.
  case plain(String)
  case null

  init?(_ text: String) {
    var rest = Substring(text)
    guard let value = NaiveJSON.read(&rest), rest.allSatisfy(\.isWhitespace) else { return nil }
    self = value
  }

  var isText: Bool { if case .text = self { true } else { false } }

  private static func read(_ rest: inout Substring) -> NaiveJSON? {
    rest = rest.drop(while: \.isWhitespace)
    let start = rest
    switch rest.first {
    case "{":
      var members: [(String, NaiveJSON)] = []
      let isRead = list(&rest, "}") { rest in
        guard case .text(let key)? = read(&rest), take(":", &rest), let value = read(&rest) else {
          return false
        }
        members.append((key, value))
        return true
      }
      return isRead ? .object(members) : nil
    case "[":
      var items: [NaiveJSON] = []
      let isRead = list(&rest, "]") { rest in
        guard let value = read(&rest) else { return false }
        items.append(value)
        return true
      }
      return isRead ? .array(items, String(start[..<rest.startIndex])) : nil
    case "\"":
      guard let match = rest.prefixMatch(of: #/"(?:[^"\\]|\\.)*"/#) else { return nil }
      rest = rest[match.range.upperBound...]
      let wrapped = Data("[\(match.output)]".utf8)
      guard let values = try? JSONSerialization.jsonObject(with: wrapped) as? [String] else {
        return nil
      }
      return .text(values[0])
    default:
      let plain = #/[-0-9][-+0-9.eE]*|true|false|null/#
      guard let match = rest.prefixMatch(of: plain) else { return nil }
      rest = rest[match.range.upperBound...]
      return match.output == "null" ? .null : .plain(String(match.output))
    }
  }

  private static func take(_ character: Character, _ rest: inout Substring) -> Bool {
    rest = rest.drop(while: \.isWhitespace)
    guard rest.first == character else { return false }
    rest.removeFirst()
    return true
  }

  private static func list(
    _ rest: inout Substring, _ close: Character, _ item: (inout Substring) -> Bool
  ) -> Bool {
    rest.removeFirst()
    if take(close, &rest) { return true }
    while item(&rest) {
      if take(close, &rest) { return true }
      guard take(",", &rest) else { return false }
    }
    return false
  }

  /// What `a.b[0]` leads to, as the label that `json` makes of it.
  func value(_ path: String) -> String? {
    var steps = path.matches(of: #/[A-Za-z_]+|\[\d+\]/#).map { String($0.output) }[...]
    return found(&steps)?.label
  }

  /// The first of the members of a name counts.
  private func found(_ steps: inout ArraySlice<String>) -> NaiveJSON? {
    guard let step = steps.popFirst() else { return self }
    switch self {
    case .object(let members): return members.first { $0.0 == step }?.1.found(&steps)
    case .array(let items, _):
      guard let index = Int(step.dropFirst().dropLast()), index < items.count else { return nil }
      return items[index].found(&steps)
    default: return nil
    }
  }

  private var label: String? {
    switch self {
    case .text(let text), .plain(let text), .array(_, let text): text
    case .null: ""
    case .object: nil
    }
  }
}

/// `ip("…")` over the words of a text.
enum NaiveAddresses {
  static func hold(_ text: String, _ range: String) -> Bool {
    text.split { $0 == " " || $0 == "\"" }.contains { word in
      guard let address = bits(String(word)) else { return false }
      let parts = range.split(separator: "/")
      guard let low = bits(String(parts[0])), low.count == address.count else { return false }
      let length = parts.count > 1 ? Int(parts[1]) ?? 0 : low.count
      return low.prefix(length) == address.prefix(length)
    }
  }

  private static func bits(_ text: String) -> [Bool]? {
    for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
      var bytes = [UInt8](repeating: 0, count: count)
      if inet_pton(family, text, &bytes) == 1 {
        return bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 == 1 } }
      }
    }
    return nil
  }
}
