import Bytes
import WireFormats

/// Plain paths into a JSON object, found in one scan of its text.
struct JSONPaths {
  /// A field that some path goes through or ends at.
  private struct Node {
    let name: [UInt8]
    /// The paths that end here.
    var ends: [Int] = []
    /// The nodes below, by index.
    var children: [Int] = []
  }

  /// The first one is the object itself.
  private let nodes: [Node]

  /// nil when a path is not plain.
  init?(_ paths: [[String]?]) {
    var nodes = [Node(name: [])]
    for (index, path) in paths.enumerated() {
      guard let path, path.count <= 16 else { return nil }
      var at = 0
      for name in path {
        let bytes = Array(name.utf8)
        if let known = nodes[at].children.first(where: { nodes[$0].name == bytes }) {
          at = known
        } else {
          nodes[at].children.append(nodes.count)
          at = nodes.count
          nodes.append(Node(name: bytes))
        }
      }
      nodes[at].ends.append(index)
    }
    self.nodes = nodes
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
      nodes: nodes, scanner: JSONScanner(text, depthMax: 512), at: at, madeAt: madeAt)
    // Moved in and out, so that nothing is copied.
    swap(&reading.results, &results)
    swap(&reading.made, &made)
    defer {
      swap(&reading.results, &results)
      swap(&reading.made, &made)
    }
    do {
      switch try reading.scanner.next() {
      case .beginObject: try reading.members(of: 0)
      case .null: break
      default: return false
      }
      try reading.scanner.finish()
    } catch {
      return false
    }
    return true
  }

  private struct Reading {
    let nodes: [Node]
    var scanner: JSONScanner
    let at: Int
    let madeAt: Int
    var results: [ExtractedValue] = []
    var made: [UInt8] = []

    mutating func members(of node: Int) throws(JSONError) {
      while case .key(let key) = try scanner.next() {
        guard let child = find(key, in: node) else {
          try scanner.skipValue()
          continue
        }
        try value(of: child)
      }
    }

    private func find(_ key: JSONText, in node: Int) -> Int? {
      if key.hasEscapes {
        var name: [UInt8] = []
        scanner.unescape(key, into: &name)
        return nodes[node].children.first { nodes[$0].name == name }
      }
      let bytes = scanner.bytes(key.range)
      for child in nodes[node].children where nodes[child].name.count == bytes.count {
        if nodes[child].name.elementsEqual(bytes) { return child }
      }
      return nil
    }

    private mutating func value(of node: Int) throws(JSONError) {
      clear(nodes[node].children)
      let found: ExtractedValue
      let token = try scanner.next()
      switch token {
      case .beginObject where nodes[node].ends.isEmpty:
        try members(of: node)
        return
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
      for end in nodes[node].ends { results[end] = found }
    }

    /// Reads an object again for the paths that go on below one that ends there.
    private mutating func descend(_ node: Int, from start: Int) throws(JSONError) {
      guard !nodes[node].children.isEmpty, scanner.text[start] == UInt8(ascii: "{") else { return }
      let outer = scanner
      scanner = JSONScanner(
        UnsafeRawBufferPointer(rebasing: outer.text[..<outer.position]), depthMax: 512)
      scanner.move(to: start)
      _ = try scanner.next()
      try members(of: node)
      scanner = outer
    }

    /// A key that comes again hides what the one before it held.
    private mutating func clear(_ children: [Int]) {
      for child in children {
        for end in nodes[child].ends { results[end] = .null }
        clear(nodes[child].children)
      }
    }

    private mutating func append(_ text: some Collection<UInt8>) -> Range<Int> {
      let start = madeAt + made.count
      made.append(contentsOf: text)
      return start..<(madeAt + made.count)
    }

    /// Where the string's text lies: in place when it needs nothing done to it.
    private mutating func string(_ text: JSONText) -> Range<Int> {
      if !text.hasEscapes, UTF8Sequence.isValid(scanner.bytes(text.range)) {
        return (at + text.range.lowerBound)..<(at + text.range.upperBound)
      }
      return append(scanner.string(text).utf8)
    }
  }
}
