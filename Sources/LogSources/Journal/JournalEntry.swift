import Bytes
package import WireFormats

/// One journal entry; its buffers are used again for the next one.
package struct JournalEntry {
  /// One field; a name may come more than once.
  struct Field {
    var name: Range<Int>
    var value: Range<Int>
  }

  /// Fields of one entry that are read, at most.
  static let fieldsMax = 1024

  /// When the journal took it, in microseconds since 1970.
  package internal(set) var realtimeMicroseconds: UInt64 = 0
  var bytes: [UInt8] = []
  var fields: [Field] = []

  package init() {}

  mutating func clear() {
    bytes.removeAll(keepingCapacity: true)
    fields.removeAll(keepingCapacity: true)
  }

  /// Takes `NAME=value` as the journal has it; false when there is no `=`.
  @discardableResult
  mutating func append(_ data: UnsafeRawBufferPointer, valueBytesMax: Int) -> Bool {
    guard fields.count < Self.fieldsMax,
      let equals = data.firstIndex(of: UInt8(ascii: "=")), equals > 0
    else { return false }
    let start = bytes.count
    bytes.append(contentsOf: data[..<min(data.count, equals + 1 + valueBytesMax)])
    fields.append(
      Field(name: start..<start + equals, value: (start + equals + 1)..<bytes.count))
    return true
  }

  /// The last field of this name, as Promtail's map keeps it; nil when there is none.
  package func value(of name: StaticString) -> Range<Int>? {
    fields.last { field in
      field.name.count == name.utf8CodeUnitCount
        && zip(
          bytes[field.name], UnsafeBufferPointer(start: name.utf8Start, count: field.name.count)
        )
        .allSatisfy(==)
    }?.value
  }

  /// Whether a field has a value, as `FIELD=value` says.
  package func has(_ term: String) -> Bool {
    let wanted = term.utf8
    return fields.contains { field in
      let count = field.value.upperBound - field.name.lowerBound
      return count == wanted.count
        && bytes[field.name.lowerBound..<field.value.upperBound].elementsEqual(wanted)
    }
  }

  /// Calls `body` with the bytes of a range that ``value(of:)`` gave.
  package func withBytes<T>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> T) -> T {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  /// The entry as one JSON object, names sorted; a name with several values gets an array.
  ///
  /// Bytes that are not UTF-8 become U+FFFD.
  package func writeJSON(_ writer: inout JSONWriter) {
    var order = Array(fields.indices)
    order.sort { a, b in
      let left = bytes[fields[a].name]
      let right = bytes[fields[b].name]
      if left.elementsEqual(right) { return a < b }
      return left.lexicographicallyPrecedes(right)
    }
    bytes.withUnsafeBytes { all in
      func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: all[range])
      }
      writer.beginObject()
      var at = 0
      while at < order.count {
        let name = slice(fields[order[at]].name)
        var end = at + 1
        while end < order.count, slice(fields[order[end]].name).elementsEqual(name) { end += 1 }
        writer.key(String(decoding: name, as: UTF8.self))
        if end - at > 1 { writer.beginArray() }
        for index in order[at..<end] { writer.string(bytes: slice(fields[index].value)) }
        if end - at > 1 { writer.endArray() }
        at = end
      }
      writer.endObject()
    }
  }

  /// `__journal_<field in lower case>` and the last value, for each field, and
  /// `__journal_priority_keyword` where there is a known priority.
  package func metaLabels() -> [String: String] {
    var labels: [String: String] = [:]
    labels.reserveCapacity(fields.count + 1)
    for field in fields {
      let value = String(decoding: bytes[field.value], as: UTF8.self)
      labels[Self.metaLabelName(bytes[field.name])] = value
    }
    if let priority = labels["__journal_priority"],
      let keyword = Self.priorityKeyword(priority)
    {
      labels["__journal_priority_keyword"] = keyword
    }
    return labels
  }

  /// Bytes that are the same for entries with the same fields but MESSAGE.
  package var labelKey: [UInt8] {
    var key: [UInt8] = []
    for field in fields where !bytes[field.name].elementsEqual("MESSAGE".utf8) {
      key += bytes[field.name.lowerBound..<field.value.upperBound]
      key.append(0)
      key.appendVarint(UInt64(field.value.count))
    }
    return key
  }

  static func metaLabelName(_ field: ArraySlice<UInt8>) -> String {
    var name = Array("__journal_".utf8)
    for byte in field {
      let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
      name.append(isUpper ? byte | 0x20 : byte)
    }
    return String(decoding: name, as: UTF8.self)
  }

  /// The field whose value the meta label shows, or nil when it is no field's label.
  package static func fieldName(metaLabel: String) -> String? {
    guard metaLabel.hasPrefix("__journal_") else { return nil }
    if metaLabel == "__journal_priority_keyword" { return "PRIORITY" }
    let name = metaLabel.utf8.dropFirst("__journal_".utf8.count)
    guard !name.isEmpty else { return nil }
    let upper = name.map { byte in
      byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte & ~0x20 : byte
    }
    return String(decoding: upper, as: UTF8.self)
  }

  /// syslog's name of a priority from 0 to 7.
  package static func priorityKeyword(_ priority: String) -> String? {
    switch priority {
    case "0": "emerg"
    case "1": "alert"
    case "2": "crit"
    case "3": "error"
    case "4": "warning"
    case "5": "notice"
    case "6": "info"
    case "7": "debug"
    default: nil
    }
  }
}
