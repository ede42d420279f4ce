/// Why a text is not the JSON that was expected, and where.
///
/// The words are those of Go's encoding/json where it has words for the fault.
package struct JSONError: Error, Hashable {
  /// What is wrong: `invalid character 'x' looking for beginning of value`.
  package let message: String
  /// The offending byte's index; the text's length when it ended too early.
  package let offset: Int
  /// The line of `offset`, from 1.
  package let line: Int
  /// The byte in that line, from 1.
  package let column: Int

  /// Finds line and column of `offset` in `text`.
  package init(_ message: String, at offset: Int, in text: UnsafeRawBufferPointer) {
    self.message = message
    self.offset = offset
    var line = 1
    var lineStart = 0
    for index in 0..<min(offset, text.count) where text[index] == UInt8(ascii: "\n") {
      line += 1
      lineStart = index + 1
    }
    self.line = line
    column = min(offset, text.count) - lineStart + 1
  }

  /// `line 3, column 7: invalid character …`.
  package var description: String { "line \(line), column \(column): \(message)" }

  /// The byte at `offset` as Go shows it in `invalid character …`.
  static func shown(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "'"): #"'\''"#
    case UInt8(ascii: "\n"): #"'\n'"#
    case UInt8(ascii: "\r"): #"'\r'"#
    case UInt8(ascii: "\t"): #"'\t'"#
    case 0..<0x20, 0x7f: #"'\x"# + (byte < 16 ? "0" : "") + String(byte, radix: 16) + "'"
    default: "'\(Character(Unicode.Scalar(byte)))'"
    }
  }
}
