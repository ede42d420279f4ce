import TelemetryModel

/// The catalog's table of tombstones.
enum SQLiteTombstones {
  static func load(_ database: borrowing SQLiteConnection) throws(StorageError) -> [Tombstone] {
    var tombstones: [Tombstone] = []
    for row in try database.run(
      """
      SELECT number, tenant, query, oldest, newest, created, processed
      FROM tombstones ORDER BY number
      """)
    {
      let oldest = Timestamp(nanoseconds: row[3].integer)
      tombstones.append(
        Tombstone(
          number: UInt64(bitPattern: row[0].integer), tenant: row[1].text ?? "",
          query: row[2].text ?? "",
          range: oldest...max(oldest, Timestamp(nanoseconds: row[4].integer)),
          created: Timestamp(nanoseconds: row[5].integer), isProcessed: row[6].integer != 0))
    }
    return tombstones
  }

  /// Statements that say the same when they are run twice.
  static func write(_ change: CatalogChange, to database: borrowing SQLiteConnection)
    throws(StorageError)
  {
    for tombstone in change.tombstones {
      try database.run(
        "INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
          .integer(Int64(bitPattern: tombstone.number)), .text(tombstone.tenant),
          .text(tombstone.query), .integer(tombstone.range.lowerBound.nanoseconds),
          .integer(tombstone.range.upperBound.nanoseconds),
          .integer(tombstone.created.nanoseconds), .integer(tombstone.isProcessed ? 1 : 0),
        ])
    }
    for number in change.removedTombstones {
      try database.run(
        "DELETE FROM tombstones WHERE number = ?", [.integer(Int64(bitPattern: number))])
    }
  }
}
