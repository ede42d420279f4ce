import Bytes
import WireFormats

/// Attributes of one span, event or process while it is read from a foreign format: flat, in the
/// order in which their keys first came, each key once.
///
/// All texts lie in one buffer that is used again for the next span, so that reading allocates
/// nothing once it has grown. A key that comes again takes the place of the first.
struct FlatAttributes {
  enum Value {
    /// Ranges of ``texts``.
    case string(Range<Int>)
    case bytes(Range<Int>)
    case bool(Bool)
    case int(Int64)
    case double(Double)
  }

  struct Entry {
    var key: Range<Int>
    var value: Value
    var isRemoved = false
  }

  private(set) var texts: [UInt8] = []
  private(set) var entries: [Entry] = []
  /// Where a key's hash stands, once there are more than are quickly looked through.
  private var places: [UInt64: Int] = [:]
  private static let linearMax = 24

  mutating func removeAll() {
    texts.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    if !places.isEmpty { places.removeAll(keepingCapacity: true) }
  }

  /// The same texts without attributes.
  var textsOnly: FlatAttributes {
    var copy = FlatAttributes()
    copy.texts = texts
    return copy
  }

  /// Adds text to the buffer; what is not UTF-8 in it becomes U+FFFD.
  mutating func add(text: UnsafeRawBufferPointer) -> Range<Int> {
    let start = texts.count
    if UTF8Check.isValid(text) {
      texts.append(contentsOf: text)
    } else {
      texts.append(utf8: String(decoding: text, as: UTF8.self))
    }
    return start..<texts.count
  }

  /// Adds a string of a JSON text, its escapes resolved.
  mutating func add(_ text: JSONText, of scanner: JSONScanner) -> Range<Int> {
    guard text.hasEscapes else { return add(text: scanner.bytes(text.range)) }
    var out: [UInt8] = []
    scanner.unescape(text, into: &out)
    return out.withUnsafeBytes { add(text: $0) }
  }

  mutating func add(bytes: UnsafeRawBufferPointer) -> Range<Int> {
    let start = texts.count
    texts.append(contentsOf: bytes)
    return start..<texts.count
  }

  mutating func add(_ text: String) -> Range<Int> {
    let start = texts.count
    texts.append(utf8: text)
    return start..<texts.count
  }

  /// Sets an attribute whose key was added to the buffer.
  mutating func set(_ key: Range<Int>, _ value: Value) {
    if let place = place(of: key) {
      entries[place].value = value
      entries[place].isRemoved = false
      return
    }
    entries.append(Entry(key: key, value: value))
    guard entries.count > Self.linearMax else { return }
    if entries.count == Self.linearMax + 1 {
      for (index, entry) in entries.enumerated() { places[hash(entry.key)] = index }
    } else {
      places[hash(key)] = entries.count - 1
    }
  }

  mutating func set(_ key: StaticString, _ value: Value) {
    set(
      add(bytes: UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)), value)
  }

  private func hash(_ key: Range<Int>) -> UInt64 {
    texts.withUnsafeBytes { XXH3.hash(UnsafeRawBufferPointer(rebasing: $0[key])) }
  }

  private func place(of key: Range<Int>) -> Int? {
    if entries.count > Self.linearMax {
      guard let place = places[hash(key)], isEqual(entries[place].key, key) else { return nil }
      return place
    }
    return entries.firstIndex { isEqual($0.key, key) }
  }

  private func isEqual(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
    guard a.count == b.count else { return false }
    return texts.withUnsafeBytes { texts in
      let (a, b) = (UnsafeRawBufferPointer(rebasing: texts[a]), texts[b])
      return a.elementsEqual(b)
    }
  }

  /// The place of the attribute whose key was added to the buffer as `key`, or nil.
  func find(_ key: Range<Int>) -> Int? {
    place(of: key).flatMap { entries[$0].isRemoved ? nil : $0 }
  }

  /// The place of the attribute `name`, or nil.
  func find(_ name: StaticString) -> Int? {
    let count = name.utf8CodeUnitCount
    for (index, entry) in entries.enumerated()
    where entry.key.count == count && !entry.isRemoved && equals(entry.key, name) {
      return index
    }
    return nil
  }

  /// Whether a text of the buffer is `name`.
  func equals(_ text: Range<Int>, _ name: StaticString) -> Bool {
    guard text.count == name.utf8CodeUnitCount else { return false }
    return texts.withUnsafeBytes { texts in
      UnsafeRawBufferPointer(rebasing: texts[text]).elementsEqual(
        UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }
  }

  /// Takes the attribute at `place` out.
  mutating func remove(at place: Int) { entries[place].isRemoved = true }

  /// Gives the attribute at `place` another value.
  mutating func replace(at place: Int, _ value: Value) { entries[place].value = value }

  /// Gives the attribute at `place` another key.
  mutating func rename(at place: Int, _ key: StaticString) {
    entries[place].key = add(
      bytes: UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
  }

  func string(_ text: Range<Int>) -> String { String(decoding: texts[text], as: UTF8.self) }

  /// The text of a string value; nil for another kind.
  func text(at place: Int) -> Range<Int>? {
    guard case .string(let text) = entries[place].value else { return nil }
    return text
  }

  /// Writes all as repeated `KeyValue` messages in `field`.
  func write(_ field: Int, to writer: inout ProtobufWriter) {
    for entry in entries where !entry.isRemoved { write(entry, field, to: &writer) }
  }

  func write(_ entry: Entry, _ field: Int, to writer: inout ProtobufWriter) {
    writer.message(field) { message in
      message.bytes(1, texts[entry.key])
      message.message(2) { value in
        switch entry.value {
        case .string(let text): value.bytes(1, texts[text])
        case .bool(let flag): value.bool(2, flag)
        case .int(let number): value.int64(3, number)
        case .double(let number): value.double(4, number)
        case .bytes(let bytes): value.bytes(7, texts[bytes])
        }
      }
    }
  }
}
