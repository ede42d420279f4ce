import CSystemd

/// What of which journal is read.
package struct JournalSettings: Hashable, Sendable {
  /// A folder of journal files, also such as systemd-journal-remote writes; nil for the host's
  /// own journal.
  package var folder: String?
  /// A namespace of the host's journal, `*` for all of them; nil for the default one.
  package var namespace: String?
  package var matches = JournalMatches.all
  /// Entries that fit are passed over; ``JournalMatches/all`` excludes none.
  package var exclusions = JournalMatches.all
  /// Entries older than this are not read at a start, nor is a stored cursor older than this.
  package var ageMaxMicroseconds: UInt64 = 7 * 3600 * 1_000_000
  /// A value is cut to this length.
  package var valueBytesMax = 1 << 20
  /// Fields to read besides MESSAGE; nil for all of them.
  package var fields: [String]?

  package init() {}
}

/// Reads the systemd journal through libsystemd, on one thread that may block.
///
/// It goes on over vacuuming, rotation and damaged files: what libsystemd cannot read it passes
/// over and counts. Entries come in the journal's order, and each cursor once.
package final class JournalReader {
  /// What libsystemd refused to read, since the start.
  package private(set) var unreadableEntries = 0
  /// Entries that were passed over as the settings want it, since the start.
  package private(set) var excludedEntries = 0
  /// Files came or went (rotation, vacuuming), since the start.
  package private(set) var invalidations = 0

  private let settings: JournalSettings
  private let journal: OpaquePointer
  private let name: String
  private let wantedFields: [String]?
  /// The place to go on after; entries at or before it are passed over once.
  private var resumesAfter: JournalCursor?
  private var isOnEntry = false
  private var lastCursor: String?
  private var lastRealtime: UInt64 = 0
  private var failuresInRow = 0

  /// Opens the journal without a place yet: one of the `seek` functions comes next.
  ///
  /// Throws ``LogSourcesError/journal(call:journal:code:)``.
  package init(_ settings: JournalSettings) throws(LogSourcesError) {
    self.settings = settings
    name = settings.folder ?? settings.namespace.map { "namespace \($0)" } ?? "of this host"
    var opened: OpaquePointer?
    let code: Int32
    if let folder = settings.folder {
      code = sd_journal_open_directory(&opened, folder, 0)
    } else if settings.namespace == "*" {
      code = sd_journal_open_namespace(
        &opened, nil, Int32(SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_ALL_NAMESPACES))
    } else if let namespace = settings.namespace {
      code = sd_journal_open_namespace(&opened, namespace, Int32(SD_JOURNAL_LOCAL_ONLY))
    } else {
      code = sd_journal_open(&opened, Int32(SD_JOURNAL_LOCAL_ONLY))
    }
    guard code >= 0, let journal = opened else {
      throw .journal(call: "sd_journal_open", journal: name, code: -code)
    }
    self.journal = journal
    wantedFields = settings.fields.map { fields in
      var unique = Set(fields)
      unique.insert("MESSAGE")
      unique.formUnion(settings.exclusions.fields)
      return unique.sorted()
    }
    sd_journal_set_data_threshold(journal, settings.valueBytesMax + 64)
    for (index, group) in settings.matches.groups.enumerated() {
      if index > 0 { try check(sd_journal_add_disjunction(journal), "sd_journal_add_disjunction") }
      for term in group {
        try check(sd_journal_add_match(journal, term, 0), "sd_journal_add_match")
      }
    }
  }

  deinit { sd_journal_close(journal) }

  /// Goes to just after `cursor`, or to the oldest wanted entry when it is nil or too old.
  ///
  /// An entry that is gone by vacuuming does not matter: the next one there is comes first.
  package func seek(after cursor: String?, nowMicroseconds: UInt64) throws(LogSourcesError) {
    isOnEntry = false
    lastCursor = nil
    resumesAfter = nil
    let oldest = nowMicroseconds - min(nowMicroseconds, settings.ageMaxMicroseconds)
    if let text = cursor {
      let place = JournalCursor(text)
      if (place.realtimeMicroseconds ?? .max) >= oldest, sd_journal_seek_cursor(journal, text) >= 0
      {
        resumesAfter = place
        return
      }
    }
    try check(sd_journal_seek_realtime_usec(journal, oldest), "sd_journal_seek_realtime_usec")
  }

  /// Goes to the entry of `cursor` itself and reads it; false when it is gone.
  package func read(at cursor: String, into entry: inout JournalEntry) throws(LogSourcesError)
    -> Bool
  {
    resumesAfter = nil
    isOnEntry = false
    guard sd_journal_seek_cursor(journal, cursor) >= 0, sd_journal_next(journal) > 0,
      sd_journal_test_cursor(journal, cursor) > 0
    else { return false }
    return readEntry(&entry)
  }

  /// Reads the next entry; false at the end of the journal, for now.
  ///
  /// Throws when libsystemd fails over and over at one place; the caller waits and calls again.
  package func next(into entry: inout JournalEntry) throws(LogSourcesError) -> Bool {
    while true {
      let code = sd_journal_next(journal)
      if code == 0 { return false }
      if code < 0 {
        try passOverFailure(code)
        continue
      }
      failuresInRow = 0
      if let place = resumesAfter {
        if sd_journal_test_cursor(journal, place.text) > 0 { continue }
        if let here = currentCursor(), JournalCursor(here).isAtOrBefore(place) { continue }
        resumesAfter = nil
      }
      isOnEntry = true
      guard readEntry(&entry) else {
        unreadableEntries += 1
        continue
      }
      if settings.exclusions.groups.isEmpty || !settings.exclusions.fits(entry) { return true }
      excludedEntries += 1
    }
  }

  /// The cursor of the entry that was read last; nil before the first one.
  package var cursor: String? { isOnEntry ? currentCursor() ?? lastCursor : nil }

  /// Waits until something changed or the time is over.
  package func wait(milliseconds: UInt64) {
    // The file of the last entry may be gone afterwards, and its cursor with it.
    if isOnEntry { lastCursor = currentCursor() ?? lastCursor }
    let change = sd_journal_wait(journal, milliseconds * 1000)
    if change == Int32(SD_JOURNAL_INVALIDATE) { invalidations += 1 }
  }

  private func currentCursor() -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard sd_journal_get_cursor(journal, &text) >= 0, let text else { return nil }
    defer { journal_free_cursor(text) }
    return String(cString: text)
  }

  /// Steps over a place that cannot be read, further with each failure in a row.
  private func passOverFailure(_ code: Int32) throws(LogSourcesError) {
    unreadableEntries += 1
    failuresInRow += 1
    let steps: [UInt64] = [1, 1000, 1_000_000, 60_000_000]
    guard failuresInRow <= steps.count, lastRealtime > 0 else {
      failuresInRow = 0
      throw .journal(call: "sd_journal_next", journal: name, code: -code)
    }
    let beyond = lastRealtime + steps[failuresInRow - 1]
    try check(sd_journal_seek_realtime_usec(journal, beyond), "sd_journal_seek_realtime_usec")
  }

  private func readEntry(_ entry: inout JournalEntry) -> Bool {
    entry.clear()
    var realtime: UInt64 = 0
    guard sd_journal_get_realtime_usec(journal, &realtime) >= 0 else { return false }
    entry.realtimeMicroseconds = realtime
    lastRealtime = realtime
    var data: UnsafeRawPointer?
    var length = 0
    if let wantedFields {
      for field in wantedFields
      where sd_journal_get_data(journal, field, &data, &length) >= 0 {
        entry.append(
          UnsafeRawBufferPointer(start: data, count: length), valueBytesMax: settings.valueBytesMax)
      }
      return true
    }
    sd_journal_restart_data(journal)
    // Bounded: a damaged entry must not be enumerated without end.
    for _ in 0..<JournalEntry.fieldsMax {
      guard sd_journal_enumerate_available_data(journal, &data, &length) > 0 else { break }
      entry.append(
        UnsafeRawBufferPointer(start: data, count: length), valueBytesMax: settings.valueBytesMax)
    }
    return true
  }

  private func check(_ code: Int32, _ call: String) throws(LogSourcesError) {
    guard code >= 0 else { throw .journal(call: call, journal: name, code: -code) }
  }
}
