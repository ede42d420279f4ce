package import Bytes
package import LinuxIO

/// Finds the files that patterns match, by listing folders.
///
/// Symbolic links are followed, except folders that were entered already on the way down. Folders
/// that cannot be listed are passed over and counted.
package struct GlobWalk {
  /// One regular file that a pattern matched.
  package struct Match: Hashable, Sendable {
    package var path: String
    package var status: FileStatus
  }

  /// Folders below one another that `**` enters, at most.
  static let depthMax = 64
  /// Files of one pattern, at most; others are counted as left out.
  package static let matchesMax = 100_000

  private let fileSystem: any FileSystem
  /// In the order found; each path once.
  package private(set) var matches: [Match] = []
  /// Folders whose changes can change the answer.
  package private(set) var folders: Set<ByteText> = []
  package private(set) var unreadableFolders = 0
  package private(set) var leftOut = 0
  private var seen: Set<ByteText> = []

  package init(_ fileSystem: any FileSystem) { self.fileSystem = fileSystem }

  /// Adds what `pattern` matches; a path that exists literally is taken as it is.
  ///
  /// The pattern is absolute.
  package mutating func expand(_ pattern: GlobPattern) {
    if let status = status(pattern.text), status.kind == .regular {
      folders.insert(Self.folder(of: pattern.text))
      add(pattern.text, status)
      return
    }
    for alternative in pattern.alternatives {
      walk("", alternative.components[...], depth: 0, entered: [])
    }
  }

  /// The folders that an absolute pattern matches and that hold journal files, in order.
  ///
  /// Throws ``LogSourcesError/malformedGlob(pattern:reason:)``.
  package static func folders(withJournalsMatching pattern: String, _ fileSystem: any FileSystem)
    throws(LogSourcesError) -> [String]
  {
    var walk = GlobWalk(fileSystem)
    walk.expand(try GlobPattern(pattern + "/*.journal"))
    return Set(texts: walk.matches.map { folder(of: $0.path) }).sortedTexts()
  }

  /// The part of a path before its last slash; `/` for a name in the root.
  package static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash != path.startIndex else {
      return "/"
    }
    return String(path[..<slash])
  }

  private mutating func walk(
    _ folder: String, _ components: ArraySlice<GlobComponent>, depth: Int,
    entered: [FileIdentity]
  ) {
    guard let component = components.first else { return }
    let rest = components.dropFirst()
    switch component {
    case .name(let name):
      let path = "\(folder)/\(name)"
      // Watched even while missing: it may come.
      if rest.isEmpty { folders.insert(folder.isEmpty ? "/" : folder) }
      guard let status = status(path) else {
        folders.insert(folder.isEmpty ? "/" : folder)
        return
      }
      visit(path, status, rest, depth: depth, entered: entered)
    case .pattern:
      for name in list(folder) where component.matches(name) {
        let path = "\(folder)/\(name)"
        guard let status = status(path) else { continue }
        visit(path, status, rest, depth: depth, entered: entered)
      }
    case .anyDepth:
      walkAnyDepth(folder, rest, depth: depth, entered: entered)
    }
  }

  private mutating func walkAnyDepth(
    _ folder: String, _ rest: ArraySlice<GlobComponent>, depth: Int, entered: [FileIdentity]
  ) {
    let matchesFiles = rest.isEmpty
    if !rest.isEmpty { walk(folder, rest, depth: depth, entered: entered) }
    guard depth < Self.depthMax else { return }
    for name in list(folder) {
      let path = "\(folder)/\(name)"
      guard let status = status(path) else { continue }
      if status.kind == .folder {
        let identity = FileIdentity(device: status.device, inode: status.inode)
        guard !entered.contains(identity) else { continue }
        walkAnyDepth(path, rest, depth: depth + 1, entered: entered + [identity])
      } else if matchesFiles, status.kind == .regular {
        add(path, status)
      }
    }
  }

  private mutating func visit(
    _ path: String, _ status: FileStatus, _ rest: ArraySlice<GlobComponent>, depth: Int,
    entered: [FileIdentity]
  ) {
    if status.kind == .folder {
      // `logs/**` matches files below logs; a pattern that ends at a folder matches no file.
      if !rest.isEmpty { walk(path, rest, depth: depth, entered: entered) }
    } else if status.kind == .regular, rest.isEmpty {
      add(path, status)
    }
  }

  private mutating func add(_ path: String, _ status: FileStatus) {
    guard seen.insert(path) else { return }
    guard matches.count < Self.matchesMax else {
      leftOut += 1
      return
    }
    matches.append(Match(path: path, status: status))
  }

  private mutating func list(_ folder: String) -> [String] {
    let path = folder.isEmpty ? "/" : folder
    folders.insert(path)
    do throws(SystemError) {
      return try fileSystem.list(path).sortedByBytes()
    } catch {
      if !error.isNoSuchFile { unreadableFolders += 1 }
      return []
    }
  }

  private mutating func status(_ path: String) -> FileStatus? {
    do throws(SystemError) {
      return try fileSystem.status(path)
    } catch {
      return nil
    }
  }
}
