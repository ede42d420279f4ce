import Bytes

/// Every name in a data folder.
///
///     FOLDER/lock                       held while a process uses the folder; names its pid
///     FOLDER/catalog.sqlite             what exists: segments, release point, quarantine
///     FOLDER/catalog.sqlite-journal     while a transaction is under way
///     FOLDER/deletes                    requests to delete, as in the catalog: for when it is lost
///     FOLDER/deletes-new                being written
///     FOLDER/wal/<first sequence>.wal   records that are not in segments yet
///     FOLDER/wal/<…>.wal-new            without a durable header yet; swept at the next start
///     FOLDER/segments/<id>.segment      immutable
///     FOLDER/segments/<id>.writing      being written; swept at the next start
///     FOLDER/set-aside/…                damaged files, kept for a look; never read again
package struct StoreLayout: Hashable, Sendable {
  package let folder: String

  package init(folder: String) {
    var folder = folder
    while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
    self.folder = folder
  }

  package var lock: String { folder + "/lock" }
  package var catalog: String { folder + "/catalog.sqlite" }
  package var deletes: String { folder + "/deletes" }
  package var newDeletes: String { folder + "/deletes-new" }
  package var wal: String { folder + "/wal" }
  package var segments: String { folder + "/segments" }
  package var setAside: String { folder + "/set-aside" }

  package func segment(_ id: UInt64) -> String { "\(segments)/\(Self.segmentName(id))" }
  package func unfinishedSegment(_ id: UInt64) -> String {
    "\(segments)/\(Self.digits(id))\(Self.unfinishedSuffix)"
  }

  static let walSuffix = ".wal"
  static let newWALSuffix = ".wal-new"
  static let segmentSuffix = ".segment"
  static let unfinishedSuffix = ".writing"

  static func walName(firstSequence: UInt64) -> String { digits(firstSequence) + walSuffix }
  static func segmentName(_ id: UInt64) -> String { digits(id) + segmentSuffix }

  /// The number in a name of this suffix, or nil for names that are not of this layout.
  static func number(of name: String, suffix: String) -> UInt64? {
    guard name.hasSuffix(suffix) else { return nil }
    let digits = name.dropLast(suffix.count)
    guard digits.utf8.count == 16, digits.utf8.allSatisfy({ Hex.value($0) != nil }) else {
      return nil
    }
    return UInt64(digits, radix: 16)
  }

  /// 16 hexadecimal digits, so that names sort as their numbers do.
  static func digits(_ number: UInt64) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: 16 - text.utf8.count) + text
  }
}
