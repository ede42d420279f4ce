import Synchronization

/// How much a line matters.
package enum LogLevel: Int, Sendable, Comparable, CaseIterable {
  case debug, info, warn, error

  /// The level of that name, in any case; `warning` is known too.
  package init?(name: String) {
    switch name.lowercased() {
    case "debug": self = .debug
    case "info": self = .info
    case "warn", "warning": self = .warn
    case "error": self = .error
    default: return nil
    }
  }

  package var name: String {
    switch self {
    case .debug: "debug"
    case .info: "info"
    case .warn: "warn"
    case .error: "error"
    }
  }

  package static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// Writes what one component has to say as logfmt lines, by default to standard error.
///
/// A line is `ts=… level=… component=… msg="…" key=value …`, written by one call. Control
/// characters are escaped, so that what came from outside cannot forge lines or move a cursor. The
/// same message of the same component is written ten times in ten seconds at most; the next line
/// of it tells how many were left out (`suppressed=N`). Any thread may log.
package struct Log: Sendable {
  package typealias Fields = KeyValuePairs<String, any CustomStringConvertible>

  package let component: String
  private let sink: LogSink

  package init(_ component: String, sink: LogSink = .standardError) {
    self.component = component
    self.sink = sink
  }

  package func debug(_ message: StaticString, _ fields: Fields = [:]) {
    write(.debug, message, fields)
  }

  package func info(_ message: StaticString, _ fields: Fields = [:]) {
    write(.info, message, fields)
  }

  package func warn(_ message: StaticString, _ fields: Fields = [:]) {
    write(.warn, message, fields)
  }

  package func error(_ message: StaticString, _ fields: Fields = [:]) {
    write(.error, message, fields)
  }

  private func write(_ level: LogLevel, _ message: StaticString, _ fields: Fields) {
    guard level >= sink.level else { return }
    sink.write(level, component, message.description, fields)
  }
}
