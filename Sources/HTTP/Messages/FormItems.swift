/// Names and values of a query or of an `application/x-www-form-urlencoded` body, in order.
///
/// A name may come repeatedly. Blanks may be written as `+`; a `;` does not separate (as in Go).
package struct FormItems: Sendable, Hashable {
  package struct Item: Sendable, Hashable {
    package let name: String
    package let value: String
  }

  /// More items than this are refused.
  package static let itemsMax = 4096

  package private(set) var items: [Item]

  package init(items: [Item] = []) { self.items = items }

  /// Reads `a=1&b=2`; throws ``HTTPError`` with 400 for a broken escape, a `;`, or too many items.
  ///
  /// Bytes that are not UTF-8 become U+FFFD.
  package static func parse(_ text: some Collection<UInt8>) throws(HTTPError) -> FormItems {
    var out: [Item] = []
    for part in text.split(separator: 0x26) {
      guard out.count < itemsMax else {
        throw .malformed("the form has more than \(itemsMax) items")
      }
      guard !part.contains(0x3b) else {
        throw .malformed("the form has a semicolon that is not escaped; write it as %3B")
      }
      let equals = part.firstIndex(of: 0x3d)
      let name = equals.map { part[part.startIndex..<$0] } ?? part[...]
      let value = equals.map { part[part.index(after: $0)...] } ?? part[part.endIndex...]
      guard let nameBytes = decodePercent(name, plusIsBlank: true),
        let valueBytes = decodePercent(value, plusIsBlank: true)
      else {
        throw .malformed(
          "the form has a broken % escape in “\(String(decoding: part, as: UTF8.self))”")
      }
      out.append(
        Item(
          name: String(decoding: nameBytes, as: UTF8.self),
          value: String(decoding: valueBytes, as: UTF8.self)))
    }
    return FormItems(items: out)
  }

  /// The first value of that name.
  package subscript(_ name: String) -> String? { items.first { $0.name == name }?.value }

  /// All values of that name, in order.
  package func values(_ name: String) -> [String] {
    items.filter { $0.name == name }.map(\.value)
  }

  package func contains(_ name: String) -> Bool { items.contains { $0.name == name } }

  /// These items followed by others.
  package func appending(_ others: FormItems) -> FormItems {
    FormItems(items: items + others.items)
  }
}
