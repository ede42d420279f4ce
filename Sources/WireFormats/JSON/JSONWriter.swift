/// Writes JSON into a byte array; commas and colons come by themselves.
///
/// Strings are written as Go's encoding/json does with HTML escaping off (`<`, `>` and `&` stay)
/// unless ``escapesHTML`` is set; bytes that are not UTF-8 become U+FFFD. It trusts its caller to
/// open, name and close in order.
package struct JSONWriter {
  /// What was written so far.
  package var bytes: [UInt8] = []
  /// Whether `<`, `>`, `&`, U+2028 and U+2029 are written as `\u` escapes.
  package var escapesHTML = false
  private var needsComma = false

  package init(reserving count: Int = 0) {
    if count > 0 { bytes.reserveCapacity(count) }
  }

  @inline(__always)
  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  package mutating func beginObject() {
    separate()
    bytes.append(UInt8(ascii: "{"))
    needsComma = false
  }
  package mutating func endObject() {
    bytes.append(UInt8(ascii: "}"))
    needsComma = true
  }
  package mutating func beginArray() {
    separate()
    bytes.append(UInt8(ascii: "["))
    needsComma = false
  }
  package mutating func endArray() {
    bytes.append(UInt8(ascii: "]"))
    needsComma = true
  }

  /// A member's name; its value is to follow.
  package mutating func key(_ name: String) {
    separate()
    appendQuoted(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  package mutating func string(_ value: String) {
    separate()
    appendQuoted(value)
  }

  /// A string of bytes that may not be UTF-8.
  package mutating func string(bytes value: UnsafeRawBufferPointer) {
    separate()
    JSONWriter.appendQuoted(
      value, isUTF8: false, escapesHTML: escapesHTML, to: &bytes)
  }

  package mutating func string(bytes value: RawSpan) {
    value.withUnsafeBytes { string(bytes: $0) }
  }

  package mutating func string(bytes value: [UInt8]) {
    value.withUnsafeBytes { string(bytes: $0) }
  }

  package mutating func int(_ value: Int64) {
    separate()
    appendDecimal(value.magnitude, isNegative: value < 0)
  }

  package mutating func uint(_ value: UInt64) {
    separate()
    appendDecimal(value, isNegative: false)
  }

  /// An integer as a JSON string, as protobuf's JSON and Loki's times have them.
  package mutating func quotedInt(_ value: Int64) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    appendDecimal(value.magnitude, isNegative: value < 0)
    bytes.append(UInt8(ascii: "\""))
  }

  package mutating func quotedUInt(_ value: UInt64) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    appendDecimal(value, isNegative: false)
    bytes.append(UInt8(ascii: "\""))
  }

  /// A number as Go's encoding/json writes a float64; what JSON cannot hold becomes `null`.
  package mutating func double(_ value: Double) {
    separate()
    if value.isFinite {
      GoFloat.append(value, .json, to: &bytes)
    } else {
      bytes.append(contentsOf: "null".utf8)
    }
  }

  package mutating func bool(_ value: Bool) {
    separate()
    bytes.append(contentsOf: (value ? "true" : "false").utf8)
  }

  package mutating func null() {
    separate()
    bytes.append(contentsOf: "null".utf8)
  }

  /// JSON that stands already: one whole value, taken as it is.
  package mutating func raw(_ json: some Collection<UInt8>) {
    separate()
    bytes.append(contentsOf: json)
  }

  /// A whole tree.
  package mutating func value(_ value: JSONValue) {
    switch value {
    case .null: null()
    case .bool(let flag): bool(flag)
    case .number(let text): raw(Array(text.utf8))
    case .string(let text): string(text)
    case .array(let items):
      beginArray()
      for item in items { self.value(item) }
      endArray()
    case .object(let members):
      beginObject()
      for member in members {
        key(member.key)
        self.value(member.value)
      }
      endObject()
    }
  }
}

extension JSONWriter {
  private mutating func appendDecimal(_ magnitude: UInt64, isNegative: Bool) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var at = 20
      var rest = magnitude
      repeat {
        let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
        at -= 1
        digits[at] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
        rest = quotient
      } while rest > 0
      if isNegative { bytes.append(UInt8(ascii: "-")) }
      bytes.append(contentsOf: UnsafeMutableBufferPointer(rebasing: digits[at..<20]))
    }
  }

  private mutating func appendQuoted(_ text: String) {
    let contiguous: Void? = text.utf8.withContiguousStorageIfAvailable {
      JSONWriter.appendQuoted(
        UnsafeRawBufferPointer($0), isUTF8: true, escapesHTML: escapesHTML, to: &bytes)
    }
    if contiguous == nil {
      Array(text.utf8).withUnsafeBytes {
        JSONWriter.appendQuoted($0, isUTF8: true, escapesHTML: escapesHTML, to: &bytes)
      }
    }
  }
}
