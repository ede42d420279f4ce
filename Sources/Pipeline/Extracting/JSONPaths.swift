import Bytes
import WireFormats

/// Plain paths into a JSON object, found in one scan of its text.
struct JSONPaths {
  /// A field that some path goes through or ends at; plain numbers, so that nothing is counted
  /// while lines are read.
  fileprivate struct Node {
    /// Where the name lies in `names`.
    var nameStart = 0
    var nameCount = 0
    /// The nodes below are next to each other.
    var firstChild = 0
    var childCount = 0
    /// The paths that end here, in `ends`.
    var firstEnd = 0
    var endCount = 0
  }

  /// The first one is the object itself.
  private let nodes: [Node]
  private let names: [UInt8]
  private let ends: [Int]
  /// All paths are names of the object's own members.
  private let isFlat: Bool

  /// A tree of names while it is made.
  private final class Branch {
    let name: [UInt8]
    var ends: [Int] = []
    var children: [Branch] = []

    init(_ name: [UInt8]) { self.name = name }
  }

  /// nil when a path is not plain.
  init?(_ paths: [[String]?]) {
    let root = Branch([])
    for (index, path) in paths.enumerated() {
      guard let path, path.count <= 16 else { return nil }
      var at = root
      for name in path {
        let bytes = Array(name.utf8)
        if let known = at.children.first(where: { $0.name == bytes }) {
          at = known
        } else {
          let made = Branch(bytes)
          at.children.append(made)
          at = made
        }
      }
      at.ends.append(index)
    }
    var nodes: [Node] = []
    var names: [UInt8] = []
    var ends: [Int] = []
    // Level by level, so that the children of a node get numbers in a row.
    var queue = [root]
    var next = 1
    while nodes.count < queue.count {
      let branch = queue[nodes.count]
      nodes.append(
        Node(
          nameStart: names.count, nameCount: branch.name.count, firstChild: next,
          childCount: branch.children.count, firstEnd: ends.count, endCount: branch.ends.count))
      names += branch.name
      ends += branch.ends
      next += branch.children.count
      queue += branch.children
    }
    isFlat = nodes[0].endCount == 0 && nodes.dropFirst().allSatisfy { $0.childCount == 0 }
    self.nodes = nodes
    self.names = names
    self.ends = ends
  }

  /// Finds the values; false when the text is not one JSON object or null.
  ///
  /// - Parameters:
  ///   - at: where `text` lies in the entry's bytes.
  ///   - madeAt: where `made` will lie in them.
  ///   - results: by path; null beforehand.
  ///   - made: text that does not stand in `text` as it is.
  func read(
    _ text: UnsafeRawBufferPointer, at: Int, madeAt: Int,
    _ results: UnsafeMutableBufferPointer<ExtractedValue>, _ made: inout [UInt8]
  ) -> Bool {
    // The pointers stay valid: the arrays are not changed, and the reading ends in here.
    nodes.withUnsafeBufferPointer { nodes in
      names.withUnsafeBytes { names in
        ends.withUnsafeBufferPointer { ends in
          if isFlat, Self.readFlat(text, at: at, nodes, names, ends, results) { return true }
          var reading = Reading(
            nodes: nodes, names: names, ends: ends, results: results,
            scanner: JSONScanner(text, depthMax: 512), at: at, madeAt: madeAt)
          let isRead = reading.object()
          if !reading.made.isEmpty { made = reading.made }
          return isRead
        }
      }
    }
  }

  /// The same for the usual form of an object; false when it is of another form, and what was
  /// found until then counts for nothing.
  private static func readFlat(
    _ text: UnsafeRawBufferPointer, at: Int, _ nodes: UnsafeBufferPointer<Node>,
    _ names: UnsafeRawBufferPointer, _ ends: UnsafeBufferPointer<Int>,
    _ results: UnsafeMutableBufferPointer<ExtractedValue>
  ) -> Bool {
    let object = FlatJSONObject(text)
    let isRead = object.read { name, value in
      for node in nodes.dropFirst() where node.nameCount == name.count {
        let own = UnsafeRawBufferPointer(
          rebasing: names[node.nameStart..<(node.nameStart + node.nameCount)])
        guard own.equals(UnsafeRawBufferPointer(rebasing: text[name])) else { continue }
        let found: ExtractedValue
        switch value {
        case .null: found = .null
        case .bool(let flag): found = .bool(flag)
        case .number(let range):
          found = Double(String(decoding: text[range], as: UTF8.self)).map { .number($0) } ?? .null
        case .string(let range, let isASCII):
          guard isASCII || UTF8Sequence.isValid(UnsafeRawBufferPointer(rebasing: text[range]))
          else { return false }
          found = .text((at + range.lowerBound)..<(at + range.upperBound))
        }
        for index in node.firstEnd..<(node.firstEnd + node.endCount) {
          results[ends[index]] = found
        }
        return true
      }
      return true
    }
    if !isRead { results.update(repeating: .null) }
    return isRead
  }

  private struct Reading {
    let nodes: UnsafeBufferPointer<Node>
    let names: UnsafeRawBufferPointer
    let ends: UnsafeBufferPointer<Int>
    let results: UnsafeMutableBufferPointer<ExtractedValue>
    var scanner: JSONScanner
    let at: Int
    let madeAt: Int
    var made: [UInt8] = []

    mutating func object() -> Bool {
      do {
        switch try scanner.next() {
        case .beginObject: try members(of: 0)
        case .null: break
        default: return false
        }
        try scanner.finish()
      } catch {
        return false
      }
      return true
    }

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
      let first = nodes[node].firstChild
      let children = first..<(first + nodes[node].childCount)
      if key.hasEscapes {
        var name: [UInt8] = []
        scanner.unescape(key, into: &name)
        return name.withUnsafeBytes { find($0, children) }
      }
      return find(UnsafeRawBufferPointer(rebasing: scanner.text[key.range]), children)
    }

    private func find(_ name: UnsafeRawBufferPointer, _ children: Range<Int>) -> Int? {
      for child in children where nodes[child].nameCount == name.count {
        let start = nodes[child].nameStart
        let own = UnsafeRawBufferPointer(rebasing: names[start..<(start + name.count)])
        if own.equals(name) { return child }
      }
      return nil
    }

    private mutating func value(of node: Int) throws(JSONError) {
      clear(node)
      let found: ExtractedValue
      let token = try scanner.next()
      switch token {
      case .beginObject where nodes[node].endCount == 0:
        try members(of: node)
        return
      case .null: found = .null
      case .bool(let flag): found = .bool(flag)
      case .number(let range): found = Double(scanner.string(range)).map { .number($0) } ?? .null
      case .string(let text): found = .text(string(text))
      default:
        let start = scanner.position - 1
        let tree = JMESValue(try JSONValue.read(from: token, &scanner))
        found = .text(append(tree.text(padsExponents: true)))
        try descend(node, from: start)
      }
      set(node, found)
    }

    private func set(_ node: Int, _ value: ExtractedValue) {
      let first = nodes[node].firstEnd
      for index in first..<(first + nodes[node].endCount) { results[ends[index]] = value }
    }

    /// Reads an object again for the paths that go on below one that ends there.
    private mutating func descend(_ node: Int, from start: Int) throws(JSONError) {
      guard nodes[node].childCount > 0, scanner.text[start] == UInt8(ascii: "{") else { return }
      let outer = scanner
      scanner = JSONScanner(
        UnsafeRawBufferPointer(rebasing: outer.text[..<outer.position]), depthMax: 512)
      scanner.move(to: start)
      _ = try scanner.next()
      try members(of: node)
      scanner = outer
    }

    /// A key that comes again hides what the one before it held below it.
    private func clear(_ node: Int) {
      let first = nodes[node].firstChild
      for child in first..<(first + nodes[node].childCount) {
        set(child, .null)
        clear(child)
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
