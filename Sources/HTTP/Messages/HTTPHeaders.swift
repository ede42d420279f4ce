import Bytes

/// The fields of a message in their order; names are compared without regard to ASCII case.
///
/// All names and values lie in one buffer, so that a head of many fields is few allocations.
/// Values are bytes, read as UTF-8. What is written never holds CR, LF or NUL: they become blanks.
package struct HTTPHeaders: Sendable, Hashable, ExpressibleByDictionaryLiteral {
  struct Field: Sendable, Hashable {
    var nameStart: Int32
    var nameEnd: Int32
    var valueStart: Int32
    var valueEnd: Int32
  }

  private(set) var buffer: [UInt8]
  private(set) var fields: [Field]

  package init() {
    buffer = []
    fields = []
  }

  package init(dictionaryLiteral elements: (String, String)...) {
    self.init()
    for (name, value) in elements { append(name, value) }
  }

  /// Fields that lie in `buffer` already, as a parser found them.
  init(buffer: [UInt8], fields: [Field]) {
    self.buffer = buffer
    self.fields = fields
  }

  package var count: Int { fields.count }

  package var isEmpty: Bool { fields.isEmpty }

  /// Adds a field after the others, also where the name exists.
  package mutating func append(_ name: String, _ value: String) {
    append(name: name.utf8, value: value.utf8)
  }

  mutating func append(name: some Collection<UInt8>, value: some Collection<UInt8>) {
    let nameStart = Int32(buffer.count)
    buffer.append(contentsOf: name)
    let nameEnd = Int32(buffer.count)
    buffer.append(contentsOf: value)
    for index in Int(nameStart)..<buffer.count {
      let byte = buffer[index]
      if byte == 0x0d || byte == 0x0a || byte == 0 { buffer[index] = 0x20 }
    }
    fields.append(
      Field(
        nameStart: nameStart, nameEnd: nameEnd, valueStart: nameEnd,
        valueEnd: Int32(buffer.count)))
  }

  /// Replaces all fields of that name with one.
  package mutating func set(_ name: String, _ value: String) {
    fields = fields.filter { !matches($0, name) }
    append(name, value)
  }

  /// The value of the first field of that name.
  package subscript(_ name: String) -> String? {
    for field in fields where matches(field, name) { return value(field) }
    return nil
  }

  /// The values of all fields of that name, in order.
  package func values(_ name: String) -> [String] {
    fields.filter { matches($0, name) }.map { value($0) }
  }

  package func contains(_ name: String) -> Bool { fields.contains { matches($0, name) } }

  /// How many fields have that name.
  func occurrences(_ name: String) -> Int { fields.reduce(0) { $0 + (matches($1, name) ? 1 : 0) } }

  /// All fields in order.
  package var all: [(name: String, value: String)] {
    fields.map { (String(decoding: name($0), as: UTF8.self), value($0)) }
  }

  /// Whether a comma-separated list of that name holds `token`, in any case of letters.
  package func listContains(_ name: String, _ token: String) -> Bool {
    values(name).contains { value in
      value.split(separator: ",").contains { part in
        asciiEqual(trimBlanks(part.utf8), token.utf8)
      }
    }
  }

  func name(_ field: Field) -> ArraySlice<UInt8> {
    buffer[Int(field.nameStart)..<Int(field.nameEnd)]
  }

  func bytes(_ field: Field) -> ArraySlice<UInt8> {
    buffer[Int(field.valueStart)..<Int(field.valueEnd)]
  }

  private func value(_ field: Field) -> String { String(decoding: bytes(field), as: UTF8.self) }

  private func matches(_ field: Field, _ name: String) -> Bool {
    guard Int(field.nameEnd - field.nameStart) == name.utf8.count else { return false }
    return asciiEqual(self.name(field), name.utf8)
  }

  package static func == (a: HTTPHeaders, b: HTTPHeaders) -> Bool {
    a.fields.count == b.fields.count
      && zip(a.fields, b.fields).allSatisfy { first, second in
        a.name(first) == b.name(second) && a.bytes(first) == b.bytes(second)
      }
  }

  package func hash(into hasher: inout Hasher) {
    for field in fields {
      hasher.combine(name(field))
      hasher.combine(bytes(field))
    }
  }
}

/// Whether two texts are equal when ASCII capitals count as small letters.
func asciiEqual(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
  guard a.count == b.count else { return false }
  return zip(a, b).allSatisfy { asciiLower($0) == asciiLower($1) }
}

@inline(__always)
func asciiLower(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

/// The bytes without blanks and tabs at either end.
func trimBlanks<Bytes: BidirectionalCollection<UInt8>>(_ bytes: Bytes) -> Bytes.SubSequence {
  var rest = bytes[...]
  while let first = rest.first, first == 0x20 || first == 0x09 { rest = rest.dropFirst() }
  while let last = rest.last, last == 0x20 || last == 0x09 { rest = rest.dropLast() }
  return rest
}
