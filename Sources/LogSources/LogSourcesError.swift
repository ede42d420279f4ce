package import LinuxIO

/// Why a source could not be set up or read.
package enum LogSourcesError: Error, Hashable {
  /// A path pattern that cannot be understood.
  case malformedGlob(pattern: String, reason: String)
  /// A journal match that is not `FIELD=value` or `+`.
  case malformedMatch(text: String)
  /// The system refused a file or folder.
  case system(SystemError)
  /// libsystemd refused: what was tried, on which journal, and the error number.
  case journal(call: String, journal: String, code: Int32)
  /// A stored position that is not in a form this version knows.
  case malformedPosition(key: String)

  /// What happened, to what, and what to do about it.
  package var message: String {
    switch self {
    case .malformedGlob(let pattern, let reason):
      "the path pattern '\(pattern)' cannot be used: \(reason); correct __path__"
    case .malformedMatch(let text):
      "the journal match '\(text)' is not FIELD=value (or '+' between two groups); correct matches"
    case .system(let error): error.message
    case .journal(let call, let journal, let code):
      "\(call) failed on the journal \(journal) with error \(code); check that it exists and "
        + "that the agent's user is in the group systemd-journal"
    case .malformedPosition(let key):
      "the stored position '\(key)' cannot be read; its source starts anew"
    }
  }
}
