/// The media type of a `Content-Type`, as Go's `mime` package reads it.
enum MediaType {
  struct Fault: Error {
    let message: String
  }

  /// Type and subtype in lower case, without parameters.
  static func parse(_ header: String) throws(Fault) -> String {
    let head = header.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
    let text = trimmed(head.first ?? "").lowercased()
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let type = parts.first, !type.isEmpty, type.utf8.allSatisfy(isTokenByte) else {
      throw Fault(message: "mime: no media type")
    }
    guard parts.count == 2 else { return text }
    guard let subtype = parts.last, !subtype.isEmpty else {
      throw Fault(message: "mime: expected token after slash")
    }
    guard subtype.utf8.allSatisfy(isTokenByte) else {
      throw Fault(message: "mime: unexpected content after media subtype")
    }
    return text
  }

  private static func trimmed(_ text: Substring) -> String {
    String(
      text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7f && !"()<>@,;:\\\"/[]?=".utf8.contains(byte)
  }
}
