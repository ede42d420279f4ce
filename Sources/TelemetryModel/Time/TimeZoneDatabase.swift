import Synchronization

/// Zones by their IANA names, read once each.
///
/// Safe to use from several threads. Holds 1,024 zones at most; others are read at each call.
package final class TimeZoneDatabase: Sendable {
  /// Where Linux keeps the zones: the folder below which a name is a path.
  package static let folder = "/usr/share/zoneinfo"

  private let readFile: @Sendable (_ path: String) -> [UInt8]?
  private let known = Mutex<[String: TimeZoneRules?]>([:])
  private static let knownMax = 1024

  /// `readFile` gives the bytes of the file at a full path, nil when there is none or it is
  /// larger than ``TimeZoneRules/fileBytesMax``.
  package init(readFile: @escaping @Sendable (_ path: String) -> [UInt8]?) {
    self.readFile = readFile
  }

  /// Knows UTC alone.
  package static let utcOnly = TimeZoneDatabase { _ in nil }

  /// The zone named as Go's `time.LoadLocation` takes it: `Europe/Berlin`, `UTC`, empty for UTC,
  /// `Local` for the machine's; nil when there is none or its file is damaged.
  package func rules(named name: String) -> TimeZoneRules? {
    if name.isEmpty || name == "UTC" { return .utc }
    guard TimeZoneDatabase.isSafe(name) else { return nil }
    if let cached = known.withLock({ $0[name] }) { return cached }
    let path = name == "Local" ? "/etc/localtime" : "\(TimeZoneDatabase.folder)/\(name)"
    let rules = readFile(path).flatMap { bytes in
      try? TimeZoneRules(name: name, tzif: bytes)
    }
    known.withLock { if $0.count < TimeZoneDatabase.knownMax { $0[name] = .some(rules) } }
    return rules
  }

  /// No path that leaves the folder.
  private static func isSafe(_ name: String) -> Bool {
    guard name.utf8.count <= 100, !name.hasPrefix("/"), !name.contains("\\") else { return false }
    return !name.split(separator: "/", omittingEmptySubsequences: false).contains {
      $0.isEmpty || $0 == "." || $0 == ".."
    }
  }
}
