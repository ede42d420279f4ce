package import TelemetryModel

/// The section `journal`: lines of systemd's journal.
package struct JournalConfiguration: Hashable, Sendable {
  /// Whether the line is the whole entry as JSON instead of its `MESSAGE`.
  package var json = false
  /// How far back to begin where there is no cursor, or one that is older.
  package var maxAge = TimeSpan.hours(7)
  /// Sorted by name.
  package var labels: [Label] = []
  /// Folders of journal files, patterns allowed; empty for the system's. Promtail's `path`, which
  /// may be one text or a list here.
  package var paths: [String] = []
  /// `_SYSTEMD_UNIT=a.service PRIORITY=3`: all must hold; `+` between two groups means either.
  package var matches = ""
  /// As ``matches``; entries that fit are left out.
  package var excludeMatches = ""
  /// A journal namespace, or `*` for all; empty for the default one.
  package var namespace = ""
  /// Whether entries of earlier boots are left out.
  package var currentBootOnly = false

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("json", &json)
    try section.read("max_age", &maxAge)
    try section.read("labels", &labels)
    try section.readOneOrMany("path", &paths)
    try section.read("matches", &matches)
    try section.read("exclude_matches", &excludeMatches)
    try section.read("namespace", &namespace)
    try section.read("current_boot_only", &currentBootOnly)
    try section.finish()
    guard namespace.isEmpty || paths.isEmpty else {
      throw section.error("namespace", "cannot stand beside `path`: name the one or the other")
    }
  }
}
