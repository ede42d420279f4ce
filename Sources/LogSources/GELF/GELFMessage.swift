import Bytes
package import TelemetryModel
import WireFormats

/// A GELF message, and the line that Promtail makes of it.
package struct GELFMessage: Sendable {
  package var version = ""
  package var host = ""
  package var shortMessage = ""
  package var fullMessage = ""
  package var seconds = 0.0
  package var level: Int32 = 0
  package var facility = ""
  /// Members whose names begin with an underscore, by name.
  private var extra: [JSONMember] = []

  /// Reads a message's JSON; nil when it is no object or a known member has another type.
  package init?(json: [UInt8]) {
    guard case .object(let members)? = try? JSONValue.parse(json, depthMax: 32) else { return nil }
    var last: [ByteText: JSONValue] = [:]
    for member in members {
      if member.key.hasBytePrefix("_") {
        last[member.key] = member.value
      } else if !read(member) {
        return nil
      }
    }
    extra = Self.sorted(last)
  }

  private static func sorted(_ values: [ByteText: JSONValue]) -> [JSONMember] {
    values.map { JSONMember($0.key.text, $0.value) }
      .sorted { $0.key.precedesByBytes($1.key) }
  }

  private mutating func read(_ member: JSONMember) -> Bool {
    switch (member.key, member.value) {
    case ("version", .string(let text)): version = text
    case ("host", .string(let text)): host = text
    case ("short_message", .string(let text)): shortMessage = text
    case ("full_message", .string(let text)): fullMessage = text
    case ("facility", .string(let text)): facility = text
    case ("timestamp", .number(let text)):
      guard let value = Double(text), value.isFinite else { return false }
      seconds = value
    case ("level", .number(let text)):
      guard let value = Double(text), let whole = Int32(exactly: value.rounded(.towardZero)) else {
        return false
      }
      level = whole
    case ("version", _), ("host", _), ("short_message", _), ("full_message", _), ("facility", _),
      ("timestamp", _), ("level", _):
      return false
    // Names that the specification does not know are left out.
    default: break
    }
    return true
  }

  /// nil when the message has no time, or none that can be told.
  package var timestamp: Timestamp? {
    guard seconds != 0, abs(seconds) < 9.2e9 else { return nil }
    return Timestamp(nanoseconds: Int64(seconds * 1e9))
  }

  /// The level's name; empty for one that is none.
  package var levelName: String {
    let names = [
      "emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug",
    ]
    return names.indices.contains(Int(level)) ? names[Int(level)] : ""
  }

  /// The message as one line of JSON, its members in the order in which go-gelf writes them.
  package func line() -> [UInt8] {
    var writer = JSONWriter()
    writer.escapesHTML = true
    writer.beginObject()
    writer.key("version")
    writer.string(version)
    writer.key("host")
    writer.string(host)
    writer.key("short_message")
    writer.string(shortMessage)
    if !fullMessage.isEmpty {
      writer.key("full_message")
      writer.string(fullMessage)
    }
    writer.key("timestamp")
    writer.double(seconds)
    if level != 0 {
      writer.key("level")
      writer.int(Int64(level))
    }
    if !facility.isEmpty {
      writer.key("facility")
      writer.string(facility)
    }
    for member in extra {
      writer.key(member.key)
      Self.write(member.value, to: &writer)
    }
    writer.endObject()
    return writer.bytes
  }

  private static func write(_ value: JSONValue, to writer: inout JSONWriter) {
    switch value {
    case .null: writer.null()
    case .bool(let flag): writer.bool(flag)
    case .number(let text): writer.double(Double(text).flatMap { $0.isFinite ? $0 : nil } ?? 0)
    case .string(let text): writer.string(text)
    case .array(let items):
      writer.beginArray()
      for item in items { write(item, to: &writer) }
      writer.endArray()
    case .object(let members):
      writer.beginObject()
      // Go writes maps by sorted key, the last value of a repeated one.
      var last: [ByteText: JSONValue] = [:]
      for member in members { last[member.key] = member.value }
      for member in sorted(last) {
        writer.key(member.key)
        write(member.value, to: &writer)
      }
      writer.endObject()
    }
  }
}
