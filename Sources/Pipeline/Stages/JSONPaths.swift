import Bytes
import WireFormats

/// Plain paths into a JSON object, found in one scan of its text.
struct JSONPaths {
  /// A field that some path goes through or ends at.
  private final class Node {
    let name: [UInt8]
    /// The paths that end here.
    var ends: [Int] = []
    var children: [Node] = []

    init(_ name: [UInt8]) { self.name = name }

    func child(_ name: [UInt8]) -> Node {
      if let known = children.first(where: { $0.name == name }) { return known }
      let made = Node(name)
      children.append(made)
      return made
    }
  }

  private let root = Node([])

  /// nil when a path is not plain.
  init?(_ paths: [[String]?]) {
    for (index, path) in paths.enumerated() {
      guard let path, path.count <= 16 else { return nil }
      var node = root
      for name in path { node = node.child(Array(name.utf8)) }
      node.ends.append(index)
    }
  }

  /// Finds the values; false when the text is not one JSON object or null.
  ///
  /// - Parameters:
  ///   - at: where `text` lies in the entry's bytes.
  ///   - madeAt: where `made` will lie in them.
  ///   - results: by path; null beforehand.
  ///   - made: text that does not stand in `text` as it is.
  func read(
    _ text: UnsafeRawBufferPointer, at: Int, madeAt: Int, _ results: inout [ExtractedValue],
    _ made: inout [UInt8]
  ) -> Bool {
    var reading = Reading(
      scanner: JSONScanner(text, depthMax: 512), at: at, madeAt: madeAt, results: results,
      made: made)
    do {
      switch try reading.scanner.next() {
      case .beginObject: try reading.members(of: root)
      case .null: break
      default: return false
      }
      try reading.scanner.finish()
    } catch {
      return false
    }
    results = reading.results
    made = reading.made
    return true
  }

  private struct Reading {
    var scanner: JSONScanner
    let at: Int
    let madeAt: Int
    var results: [ExtractedValue]
    var made: [UInt8]

    mutating func members(of node: Node) throws(JSONError) {
      while case .key(let key) = try scanner.next() {
        guard let child = find(key, in: node) else {
          try scanner.skipValue()
          continue
        }
        try value(of: child)
      }
    }

    private func find(_ key: JSONText, in node: Node) -> Node? {
      if key.hasEscapes {
        var name: [UInt8] = []
        scanner.unescape(key, into: &name)
        return node.children.first { $0.name == name }
      }
      let bytes = scanner.bytes(key.range)
      return node.children.first { child in
        child.name.count == bytes.count && child.name.elementsEqual(bytes)
      }
    }

    private mutating func value(of node: Node) throws(JSONError) {
      clear(node.children)
      let token = try scanner.next()
      if token == .beginObject, node.ends.isEmpty {
        try members(of: node)
        return
      }
      let found: ExtractedValue
      switch token {
      case .null: found = .null
      case .bool(let flag): found = .bool(flag)
      case .number(let range): found = Double(scanner.string(range)).map { .number($0) } ?? .null
      case .string(let text): found = .text(string(text))
      default:
        let start = scanner.position - 1
        let tree = JMESValue(try JSONValue.read(from: token, &scanner))
        found = .text(append(tree.text(escapesHTML: true)))
        try descend(node, from: start)
      }
      for end in node.ends { results[end] = found }
    }

    /// Reads an object again for the paths that go on below one that ends there.
    private mutating func descend(_ node: Node, from start: Int) throws(JSONError) {
      guard !node.children.isEmpty, scanner.text[start] == UInt8(ascii: "{") else { return }
      let outer = scanner
      let inner = UnsafeRawBufferPointer(rebasing: outer.text[start..<outer.position])
      var reading = Reading(
        scanner: JSONScanner(inner, depthMax: 512), at: at + start, madeAt: madeAt,
        results: results, made: made)
      _ = try reading.scanner.next()
      try reading.members(of: node)
      results = reading.results
      made = reading.made
    }

    /// A key that comes again hides what the one before it held.
    private mutating func clear(_ nodes: [Node]) {
      for node in nodes {
        for end in node.ends { results[end] = .null }
        clear(node.children)
      }
    }

    private mutating func append(_ text: some Collection<UInt8>) -> Range<Int> {
      let start = madeAt + made.count
      made.append(contentsOf: text)
      return start..<(madeAt + made.count)
    }

    /// Where the string's text lies: in place when it needs nothing done to it.
    private mutating func string(_ text: JSONText) -> Range<Int> {
      let bytes = scanner.bytes(text.range)
      if !text.hasEscapes, UTF8Sequence.isValid(bytes) {
        return (at + text.range.lowerBound)..<(at + text.range.upperBound)
      }
      return append(scanner.string(text).utf8)
    }
  }
}
