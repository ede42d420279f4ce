import TelemetryModel

/// Reads one stream of `/api/prom/push`'s JSON: `{"labels":"{}","entries":[{"ts","line"}]}`.
struct LegacyStreamReader {
  private var json: JSONBytes

  init(_ json: JSONBytes) { self.json = json }

  /// A malformed value, with the place behind it in the stream's bytes.
  struct Fault: Error {
    let message: String
    let position: Int
  }

  private static let entryContext =
    "push.Stream.Entries: []push.Entry: push.Entry.Line: Timestamp: unmarshalerDecoder: "

  /// Throws ``Fault`` for a value, and ``LokiPushError`` for labels.
  mutating func read(cache: LabelCache) throws -> (LabelText, StreamRows) {
    var rows = StreamRows(labels: .none)
    var labels: [UInt8] = []
    do {
      try json.expect(UInt8(ascii: "{"))
      if !json.take(UInt8(ascii: "}")) {
        repeat {
          let key = try json.stringRange()
          try json.expect(UInt8(ascii: ":"))
          if json.equals(key, "labels"), json.kind() == .string {
            labels = []
            guard json.appendUnescaped(try json.stringRange(), to: &labels) else {
              throw Fault(message: "push.Stream.Labels: malformed", position: json.position)
            }
          } else if json.equals(key, "entries"), json.kind() == .array {
            try readEntries(into: &rows)
          } else {
            _ = try json.skipValue()
          }
        } while json.take(UInt8(ascii: ","))
        try json.expect(UInt8(ascii: "}"))
      }
    } catch is JSONBytes.Fault {
      throw Fault(message: "Malformed JSON error", position: json.position)
    }
    let text = try labels.withUnsafeBufferPointer { (bytes) throws(LokiPushError) -> LabelText in
      try cache.labels(UnsafeRawBufferPointer(bytes))
    }
    rows.labels = text.labels
    return (text, rows)
  }

  private mutating func readEntries(into rows: inout StreamRows) throws {
    try json.expect(UInt8(ascii: "["))
    if json.take(UInt8(ascii: "]")) { return }
    repeat {
      var timestamp = Timestamp.distantPast
      try json.expect(UInt8(ascii: "{"))
      if !json.take(UInt8(ascii: "}")) {
        repeat {
          let key = try json.stringRange()
          try json.expect(UInt8(ascii: ":"))
          if json.equals(key, "ts") {
            timestamp = try readTimestamp()
          } else if json.equals(key, "line"), json.kind() == .string {
            guard json.appendUnescaped(try json.stringRange(), to: &rows.lineBytes) else {
              throw Fault(
                message: "push.Stream.Entries: []push.Entry: push.Entry.Line: malformed",
                position: json.position)
            }
          } else {
            _ = try json.skipValue()
          }
        } while json.take(UInt8(ascii: ","))
        try json.expect(UInt8(ascii: "}"))
      }
      rows.timestamps.append(timestamp)
      rows.lineEnds.append(rows.lineBytes.count)
    } while json.take(UInt8(ascii: ","))
    try json.expect(UInt8(ascii: "]"))
  }

  private mutating func readTimestamp() throws -> Timestamp {
    guard json.kind() == .string else {
      _ = try json.skipValue()
      throw Fault(
        message: Self.entryContext + "Time.UnmarshalJSON: input is not a JSON string",
        position: json.position)
    }
    let text = json.text(try json.stringRange()) ?? ""
    guard let timestamp = GoTime.parse(text) else {
      throw Fault(
        message: Self.entryContext
          + "parsing time \(quoted(text)) as \"2006-01-02T15:04:05Z07:00\": "
          + "cannot parse \(quoted(text)) as \"2006\"", position: json.position)
    }
    return timestamp
  }
}
