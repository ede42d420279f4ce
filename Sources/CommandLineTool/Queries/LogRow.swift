import TelemetryModel
import WireFormats

/// One line of an answer.
struct LogRow: Hashable, Sendable {
  var nanoseconds: Int64
  var labels: Labels
  var line: String

  /// The lines of an answer's streams, in order.
  ///
  /// Lines of one moment are in the order of their streams, or turned round as the times are, and
  /// within a stream as the server sent them.
  static func rows(of streams: [JSONValue], isForward: Bool) -> [LogRow] {
    var rows: [LogRow] = []
    for stream in isForward ? streams : streams.reversed() {
      let labels = Labels(json: stream["stream"])
      for value in stream["values"]?.arrayValue ?? [] {
        if let row = LogRow(value, labels) { rows.append(row) }
      }
    }
    return rows.enumerated().sorted { a, b in
      if a.element.nanoseconds == b.element.nanoseconds { return a.offset < b.offset }
      return (a.element.nanoseconds < b.element.nanoseconds) == isForward
    }.map(\.element)
  }

  init(nanoseconds: Int64, labels: Labels, line: String) {
    self.nanoseconds = nanoseconds
    self.labels = labels
    self.line = line
  }

  /// Of `["nanoseconds", "line"]`; nil for another form.
  init?(_ value: JSONValue, _ labels: Labels) {
    guard let pair = value.arrayValue, pair.count >= 2,
      let time = pair[0].stringValue.flatMap({ Int64($0) }), let line = pair[1].stringValue
    else { return nil }
    nanoseconds = time
    self.labels = labels
    self.line = line
  }

  /// What loggers call how bad it is, `error` say; empty where the labels do not tell.
  var level: String {
    for name in ["level", "detected_level", "severity", "lvl"] {
      if let level = labels[name] { return level }
    }
    return ""
  }
}

extension Labels {
  /// Of an object of names and texts.
  init(json: JSONValue?) {
    self.init((json?.members ?? []).map { Label($0.key, $0.value.stringValue ?? "") })
  }

  /// The labels that all sets share.
  static func common(_ sets: [Labels]) -> [Label] {
    guard let first = sets.first else { return [] }
    return first.sorted.filter { label in sets.allSatisfy { $0[label.name] == label.value } }
  }
}

extension JSONWriter {
  mutating func value(_ labels: Labels) {
    beginObject()
    for label in labels.sorted {
      key(label.name)
      string(label.value)
    }
    endObject()
  }
}
