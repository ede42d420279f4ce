import TelemetryModel

/// Reads one stream of `/api/prom/push`'s JSON: `{"labels":"{}","entries":[{"ts","line"}]}`.
struct LegacyStreamReader {
  private var json: JSONBytes

  init(_ json: JSONBytes) { self.json = json }

  private static let entryContext =
    "push.Stream.Entries: []push.Entry: push.Entry.Line: Timestamp: unmarshalerDecoder: "

  mutating func read(cache: LabelCache) throws(LokiPushError) -> (LabelText, StreamRows) {
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
              throw LokiPushError("push.Stream.Labels: malformed string")
            }
          } else if json.equals(key, "entries"), json.kind() == .array {
            try readEntries(into: &rows)
          } else {
            _ = try json.skipValue()
          }
        } while json.take(UInt8(ascii: ","))
        try json.expect(UInt8(ascii: "}"))
      }
    } catch let error as LokiPushError {
      throw error
    } catch { throw LokiPushError("Malformed JSON error") }
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
              throw LokiPushError("push.Stream.Entries: []push.Entry: push.Entry.Line: malformed")
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
      throw LokiPushError(
        Self.entryContext + "Time.UnmarshalJSON: input is not a JSON string")
    }
    let text = json.text(try json.stringRange()) ?? ""
    guard let timestamp = GoTime.parse(text) else {
      throw LokiPushError(
        Self.entryContext + "parsing time \(quoted(text)) as \"2006-01-02T15:04:05Z07:00\": "
          + "cannot parse \(quoted(text)) as \"2006\"")
    }
    return timestamp
  }
}
