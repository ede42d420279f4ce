import LinuxIO
import Synchronization
import TelemetryModel

/// The catalog of one machine: an SQLite database with a rollback journal.
///
/// `synchronous=EXTRA` syncs the folder after the journal is gone, so that a transaction is
/// durable when its commit returns. After a failed call the connection is closed, and the next
/// call opens another, which rolls back what was left.
final class SQLiteCatalog: Catalog {
  static let version: Int64 = 2

  private let path: String
  private let vfs: SQLiteFileSystem
  private let connection: Mutex<Connected>

  /// A connection, or none after a failure.
  private struct Connected: ~Copyable {
    var database: SQLiteConnection?
    var isClosed = false
  }

  private init(_ path: String, _ fileSystem: any FileSystem) {
    self.path = path
    vfs = SQLiteFileSystem(fileSystem)
    connection = Mutex(Connected(database: nil))
  }

  deinit { close() }

  /// Opens or makes the catalog, rolls back what a crash left, and checks every page.
  ///
  /// Throws ``StorageError/Code/corrupt`` with the page's offset, or
  /// ``StorageError/Code/unknownVersion``.
  static func open(_ path: String, _ fileSystem: any FileSystem) throws(StorageError)
    -> SQLiteCatalog
  {
    let catalog = SQLiteCatalog(path, fileSystem)
    do throws(StorageError) {
      try catalog.use { (database) throws(StorageError) in
        try catalog.prepare(database)
      }
      let damage = try storing("checking the catalog") { () throws(SystemError) in
        try SQLiteFileSystem.firstDamage(in: try fileSystem.open(path, .read))
      }
      if let damage {
        throw StorageError.corrupt("a page fails its checksum", path: path, offset: damage)
      }
      return catalog
    } catch {
      catalog.close()
      throw error
    }
  }

  private func prepare(_ database: borrowing SQLiteConnection) throws(StorageError) {
    let version = try database.run("PRAGMA user_version").first?.first?.integer ?? 0
    guard (0...Self.version).contains(version) else {
      throw StorageError(
        .unknownVersion,
        "\(path) has format version \(version), this program reads \(Self.version)", path: path)
    }
    guard version < Self.version else { return }
    try transact(database) { () throws(StorageError) in
      if version == 0 { for statement in Self.schema1 { try database.run(statement) } }
      for statement in Self.schema2 { try database.run(statement) }
      try database.run("PRAGMA user_version = \(Self.version)")
    }
  }

  private static let schema1 = [
    """
    CREATE TABLE segments (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, tenant TEXT,
      oldest INTEGER NOT NULL, newest INTEGER NOT NULL, rows INTEGER NOT NULL,
      raw_bytes INTEGER NOT NULL, bytes INTEGER NOT NULL, level INTEGER NOT NULL) STRICT
    """,
    """
    CREATE TABLE quarantine (segment INTEGER NOT NULL, page INTEGER NOT NULL,
      reason TEXT NOT NULL, PRIMARY KEY (segment, page)) STRICT
    """,
    "CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    "CREATE TABLE texts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
  ]

  /// What version 2 has beyond version 1.
  private static let schema2 = [
    "ALTER TABLE segments ADD COLUMN deletes_through INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE tombstones (number INTEGER PRIMARY KEY, tenant TEXT NOT NULL, query TEXT NOT NULL,
      oldest INTEGER NOT NULL, newest INTEGER NOT NULL, created INTEGER NOT NULL,
      processed INTEGER NOT NULL) STRICT
    """,
  ]

  // MARK: Catalog

  func load() throws(StorageError) -> CatalogContent {
    try use { (database) throws(StorageError) in
      var content = CatalogContent()
      var names: Set<String> = []
      for row in try database.run("SELECT name, value FROM numbers") {
        let value = UInt64(bitPattern: row[1].integer)
        guard names.insert(row[0].text ?? "").inserted else {
          throw .corrupt("\(row[0].text ?? "a number") stands twice", path: path, offset: 0)
        }
        switch row[0].text {
        case "released_through": content.releasedThrough = value
        case "next_segment": content.nextSegmentID = value
        case "last_delete": content.lastDelete = value
        default: break
        }
      }
      for row in try database.run("SELECT name, value FROM texts") {
        if let name = row[0].text, let value = row[1].text { content.values[name] = value }
      }
      for row in try database.run("SELECT segment, page, reason FROM quarantine ORDER BY 1, 2") {
        content.quarantined.append(
          QuarantineRecord(
            segment: UInt64(bitPattern: row[0].integer),
            page: row[1].integer < 0 ? nil : Int(row[1].integer), reason: row[2].text ?? ""))
      }
      for row in try database.run(
        """
        SELECT id, kind, tenant, oldest, newest, rows, raw_bytes, bytes, level, deletes_through
        FROM segments ORDER BY id
        """)
      {
        let segment = try segment(row)
        guard row[0].integer > Int64(bitPattern: content.segments.last?.id ?? 0),
          row[0].integer < .max
        else {
          throw .corrupt(
            "segment \(row[0].integer) stands where it does not belong", path: path, offset: 0)
        }
        content.segments.append(segment)
      }
      content.tombstones = try SQLiteTombstones.load(database)
      // A number that a failed transaction took may stand in segments alone.
      let numbers = content.segments.map(\.deletesThrough) + content.tombstones.map(\.number)
      content.lastDelete = max(content.lastDelete, numbers.max() ?? 0)
      content.nextSegmentID = max(content.nextSegmentID, (content.segments.last?.id ?? 0) + 1)
      guard content.nextSegmentID <= UInt64(Int64.max) else {
        throw .corrupt(
          "there is no segment \(content.nextSegmentID)", path: path, offset: 0)
      }
      return content
    }
  }

  private func segment(_ row: [SQLiteConnection.Value]) throws(StorageError) -> SegmentRecord {
    guard let kind = StoreKind(rawValue: UInt32(truncatingIfNeeded: row[1].integer)) else {
      throw .corrupt(
        "segment \(row[0].integer) is of unknown kind \(row[1].integer)", path: path, offset: 0)
    }
    let summary = SegmentSummary(
      tenant: row[2].text, oldest: Timestamp(nanoseconds: row[3].integer),
      newest: Timestamp(nanoseconds: row[4].integer), rowCount: Int(row[5].integer),
      rawByteCount: Int(row[6].integer), level: Int(row[8].integer))
    return SegmentRecord(
      id: UInt64(bitPattern: row[0].integer), kind: kind, summary: summary,
      byteCount: Int(row[7].integer), deletesThrough: UInt64(bitPattern: row[9].integer))
  }

  func commit(_ change: CatalogChange) throws(StorageError) {
    try use { (database) throws(StorageError) in
      try transact(database) { () throws(StorageError) in try write(change, to: database) }
    }
  }

  /// Statements that say the same when they are run twice.
  private func write(_ change: CatalogChange, to database: borrowing SQLiteConnection)
    throws(StorageError)
  {
    for record in change.added {
      let summary = record.summary
      try database.run(
        "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
          .integer(Int64(bitPattern: record.id)), .integer(Int64(record.kind.rawValue)),
          summary.tenant.map { .text($0) } ?? .null, .integer(summary.oldest.nanoseconds),
          .integer(summary.newest.nanoseconds), .integer(Int64(summary.rowCount)),
          .integer(Int64(summary.rawByteCount)), .integer(Int64(record.byteCount)),
          .integer(Int64(summary.level)), .integer(Int64(bitPattern: record.deletesThrough)),
        ])
    }
    for id in change.removed {
      try database.run(
        "DELETE FROM segments WHERE id = ?", [.integer(Int64(bitPattern: id))])
      try database.run(
        "DELETE FROM quarantine WHERE segment = ? AND page >= 0",
        [.integer(Int64(bitPattern: id))])
    }
    try SQLiteTombstones.write(change, to: database)
    for record in change.quarantined {
      try database.run(
        "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?)",
        [
          .integer(Int64(bitPattern: record.segment)), .integer(Int64(record.page ?? -1)),
          .text(record.reason),
        ])
    }
    let numbers = [
      ("released_through", change.releasedThrough), ("next_segment", change.nextSegmentID),
      ("last_delete", change.lastDelete),
    ]
    for case (let name, let value?) in numbers {
      try database.run(
        "INSERT OR REPLACE INTO numbers VALUES (?, ?)",
        [.text(name), .integer(Int64(bitPattern: value))])
    }
    for (name, value) in change.values {
      try database.run("INSERT OR REPLACE INTO texts VALUES (?, ?)", [.text(name), .text(value)])
    }
  }

  func close() {
    let wasOpen = connection.withLock { connected in
      defer {
        connected.database = nil
        connected.isClosed = true
      }
      return !connected.isClosed
    }
    if wasOpen { vfs.unregister() }
  }

  // MARK: connections

  private func transact(
    _ database: borrowing SQLiteConnection, _ body: () throws(StorageError) -> Void
  ) throws(StorageError) {
    try database.run("BEGIN IMMEDIATE")
    try body()
    try database.run("COMMIT")
  }

  /// Lends the connection, made anew after a failure.
  private func use<Result>(
    _ body: (borrowing SQLiteConnection) throws(StorageError) -> Result
  ) throws(StorageError) -> Result {
    try connection.withLock { (connected) throws(StorageError) in
      guard !connected.isClosed else { throw StorageError(.closed, "the catalog is closed") }
      let database: SQLiteConnection
      if let known = connected.database.take() {
        database = known
      } else {
        database = try SQLiteConnection(path, vfs)
        try database.run("PRAGMA journal_mode = DELETE")
        try database.run("PRAGMA synchronous = EXTRA")
        try database.run("PRAGMA temp_store = MEMORY")
      }
      // When it throws, the connection ends here, and its transaction with it.
      let result = try body(database)
      connected.database = consume database
      return result
    }
  }
}
