import LinuxIO

/// The content of a simulated disk: what is durable, and what a power cut may still take away.
///
/// A value: a copy is a snapshot of the whole disk.
struct SimulatedDisk: Sendable {
  /// A change to a file's bytes since its last sync.
  enum Change: Sendable {
    case write(offset: Int, bytes: [UInt8])
    case resize(Int)
  }

  struct Node: Sendable {
    var current: [UInt8] = []
    var durable: [UInt8] = []
    var changes: [Change] = []
    var linkCount = 1

    mutating func apply(_ change: Change) {
      changes.append(change)
      Self.apply(change, to: &current)
    }

    mutating func sync() {
      for change in changes { Self.apply(change, to: &durable) }
      changes = []
    }

    static func apply(_ change: Change, to bytes: inout [UInt8]) {
      switch change {
      case .write(let offset, let new):
        if bytes.count < offset + new.count {
          bytes += [UInt8](repeating: 0, count: offset + new.count - bytes.count)
        }
        bytes.withUnsafeMutableBytes { bytes in
          UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<(offset + new.count)])
            .copyBytes(from: new)
        }
      case .resize(let size):
        if size < bytes.count {
          bytes.removeLast(bytes.count - size)
        } else {
          bytes += [UInt8](repeating: 0, count: size - bytes.count)
        }
      }
    }
  }

  /// A change to the names of a folder since its last sync.
  enum NameChange: Sendable {
    case add(String, node: Int)
    case remove(String)
    case move(String, to: String, node: Int)

    /// The folders that it belongs to.
    var folders: [String] {
      switch self {
      case .add(let path, _), .remove(let path): [SimulatedDisk.folder(of: path)]
      case .move(let old, let new, _):
        [SimulatedDisk.folder(of: new), SimulatedDisk.folder(of: old)]
      }
    }
  }

  var nodes: [Int: Node] = [:]
  var names: [String: Int] = [:]
  var durableNames: [String: Int] = [:]
  var nameChanges: [NameChange] = []
  /// Folders are durable at once: stores make them before they matter.
  var folders: Set<String> = ["", "."]
  var lastNode = 0

  static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
  }

  var byteCount: Int { names.values.reduce(0) { $0 + (nodes[$1]?.current.count ?? 0) } }

  mutating func change(_ change: NameChange) {
    nameChanges.append(change)
    Self.apply(change, to: &names)
  }

  static func apply(_ change: NameChange, to names: inout [String: Int]) {
    switch change {
    case .add(let path, let node): names[path] = node
    case .remove(let path): names[path] = nil
    case .move(let old, let new, let node):
      names[new] = node
      names[old] = nil
    }
  }

  mutating func syncFolder(_ path: String) {
    var left: [NameChange] = []
    for change in nameChanges {
      if change.folders.contains(path) {
        Self.apply(change, to: &durableNames)
      } else {
        left.append(change)
      }
    }
    nameChanges = left
  }

  // MARK: power cuts

  /// What is found after the power was cut: everything that was synced, and any part of the rest.
  func afterPowerCut(_ random: inout RandomSource) -> SimulatedDisk {
    var disk = self
    var names = durableNames
    let keepAll = random.oneIn(4)
    let keepNone = !keepAll && random.oneIn(3)
    for change in nameChanges where keepAll || (!keepNone && random.oneIn(2)) {
      if case .move(_, let new, let node) = change, random.oneIn(4) {
        // The new name is there already, and the old one still.
        names[new] = node
      } else {
        Self.apply(change, to: &names)
      }
    }
    disk.names = names
    disk.durableNames = names
    disk.nameChanges = []
    disk.nodes = [:]
    for node in Set(names.values).sorted() {
      guard let before = nodes[node] else { continue }
      let bytes = Self.survivors(before, &random)
      disk.nodes[node] = Node(
        current: bytes, durable: bytes, linkCount: names.values.count { $0 == node })
    }
    return disk
  }

  /// A file's bytes after a power cut: unsynced changes are all there, all gone, there up to a
  /// point, or there in parts of 512 bytes at random.
  private static func survivors(_ node: Node, _ random: inout RandomSource) -> [UInt8] {
    var bytes = node.durable
    switch Int.random(in: 0..<4, using: &random) {
    case 0: return bytes
    case 1: return node.current
    case 2:
      let count = Int.random(in: 0...node.changes.count, using: &random)
      for change in node.changes.prefix(count) { Node.apply(change, to: &bytes) }
      if count < node.changes.count, case .write(let offset, let new) = node.changes[count] {
        let part = Array(new.prefix(Int.random(in: 0...new.count, using: &random)))
        if !part.isEmpty { Node.apply(.write(offset: offset, bytes: part), to: &bytes) }
      }
    default:
      for change in node.changes {
        guard case .write(let offset, let new) = change else {
          if random.oneIn(2) { Node.apply(change, to: &bytes) }
          continue
        }
        var start = 0
        while start < new.count {
          let end = min(new.count, ((offset + start) / 512 + 1) * 512 - offset)
          if random.oneIn(2) {
            Node.apply(.write(offset: offset + start, bytes: Array(new[start..<end])), to: &bytes)
          }
          start = end
        }
      }
    }
    return bytes
  }
}
