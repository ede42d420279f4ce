import Bytes
import CYAML

/// Builds nodes of events, with aliases and merge keys resolved and everything counted.
struct YAMLComposer {
  private let events: YAMLEventReader
  private let depthMax: Int
  private let nodesMax: Int
  private var nodes = 0
  private var depth = 0
  /// The anchored nodes and how many nodes each stands for.
  private var anchors: [ByteText: (node: YAMLNode, weight: Int)] = [:]
  /// Anchors whose node is still being read: an alias to one would never end.
  private var open: Set<ByteText> = []

  init(parser: UnsafeMutablePointer<yaml_parser_t>, depthMax: Int, nodesMax: Int) {
    events = YAMLEventReader(parser: parser)
    self.depthMax = depthMax
    self.nodesMax = nodesMax
  }

  mutating func document() throws(YAMLError) -> YAMLNode {
    var root: YAMLNode?
    while true {
      let (event, mark) = try events.next()
      switch event {
      case .streamEnd:
        return root ?? .scalar(YAMLScalar(text: "", isPlain: true, mark: mark))
      case .documentStart:
        guard root == nil else {
          throw YAMLError("a second document is not expected here", at: mark)
        }
      case .streamStart, .documentEnd, .nothing: continue
      default: root = try node(event, mark)
      }
    }
  }

  private mutating func node(_ event: YAMLEvent, _ mark: YAMLMark) throws(YAMLError) -> YAMLNode {
    let before = nodes
    try count(1, at: mark)
    let built: YAMLNode
    let anchor: String?
    switch event {
    case .alias(let name):
      if open.contains(name) { throw YAMLError("anchor \(name) contains itself", at: mark) }
      guard let target = anchors[name] else {
        throw YAMLError("unknown anchor \(name)", at: mark)
      }
      try count(target.weight - 1, at: mark)
      return target.node
    case .scalar(let name, let tag, let text, let isPlain):
      anchor = name
      built = .scalar(
        YAMLScalar(
          text: text, isPlain: try resolve(tag, isPlain, of: "a scalar", mark), mark: mark))
    case .sequenceStart(let name, let tag):
      anchor = name
      _ = try resolve(tag, false, of: "a list", mark)
      try enter(name, at: mark)
      built = .sequence(try items(), mark)
      leave(name)
    case .mappingStart(let name, let tag):
      anchor = name
      _ = try resolve(tag, false, of: "a mapping", mark)
      try enter(name, at: mark)
      built = .mapping(try members(), mark)
      leave(name)
    default: throw YAMLError("a value was expected", at: mark)
    }
    if let anchor { anchors[anchor] = (built, nodes - before) }
    return built
  }

  private mutating func enter(_ anchor: String?, at mark: YAMLMark) throws(YAMLError) {
    depth += 1
    guard depth <= depthMax else {
      throw YAMLError("nested deeper than \(depthMax) levels", at: mark)
    }
    if let anchor { open.insert(anchor) }
  }

  private mutating func leave(_ anchor: String?) {
    depth -= 1
    if let anchor { open.remove(anchor) }
  }

  private mutating func count(_ more: Int, at mark: YAMLMark) throws(YAMLError) {
    nodes += more
    guard nodes <= nodesMax else {
      throw YAMLError("more than \(nodesMax) values, aliases resolved", at: mark)
    }
  }

  /// Whether the scalar may mean more than text; the tag must be one that the node can have.
  private func resolve(_ tag: String?, _ isPlain: Bool, of kind: String, _ mark: YAMLMark)
    throws(YAMLError) -> Bool
  {
    let prefix = "tag:yaml.org,2002:"
    guard let tag, tag != "!" else { return isPlain && tag != "!" }
    let name = tag.hasPrefix(prefix) ? String(tag.dropFirst(prefix.count)) : ""
    switch (kind, name) {
    case ("a scalar", "str"): return false
    case ("a scalar", "int"), ("a scalar", "float"), ("a scalar", "bool"), ("a scalar", "null"):
      return true
    case ("a list", "seq"), ("a mapping", "map"): return false
    default: throw YAMLError("tag \(tag) is not supported on \(kind)", at: mark)
    }
  }

  private mutating func items() throws(YAMLError) -> [YAMLNode] {
    var items: [YAMLNode] = []
    while true {
      let (event, mark) = try events.next()
      if case .sequenceEnd = event { return items }
      items.append(try node(event, mark))
    }
  }

  private mutating func members() throws(YAMLError) -> [YAMLMember] {
    var members: [YAMLMember] = []
    var merged: [YAMLNode] = []
    var lines: [ByteText: Int] = [:]
    while true {
      let (event, mark) = try events.next()
      if case .mappingEnd = event { break }
      guard case .scalar(let key) = try node(event, mark) else {
        throw YAMLError("a key must be a scalar", at: mark)
      }
      let (valueEvent, valueMark) = try events.next()
      let value = try node(valueEvent, valueMark)
      if key.isPlain, key.text == "<<" {
        merged.append(value)
        continue
      }
      if let line = lines[key.text] {
        throw YAMLError("key `\(key.text)` is set already in line \(line)", at: mark)
      }
      lines[key.text] = mark.line
      members.append(YAMLMember(key: key.text, keyMark: mark, value: value))
    }
    for node in merged { try merge(node, into: &members) }
    return members
  }

  /// Adds the keys that are not there yet; of several mappings the first wins.
  private func merge(_ node: YAMLNode, into members: inout [YAMLMember]) throws(YAMLError) {
    switch node {
    case .mapping(let others, _):
      var known = Set(members.map(\.key))
      for other in others where known.insert(other.key).inserted { members.append(other) }
    case .sequence(let nodes, _):
      for inner in nodes {
        guard case .mapping = inner else {
          throw YAMLError("a merge key needs mappings", at: inner.mark)
        }
        try merge(inner, into: &members)
      }
    case .scalar(let scalar):
      throw YAMLError("a merge key needs a mapping or a list of them", at: scalar.mark)
    }
  }
}
