/// A text that is another only when their bytes are the same: for keys that come from users.
///
/// `String` takes texts that Unicode calls canonically equivalent for one: "é" in one scalar and
/// in two. Names and values of logs and spans are bytes to who writes them, and so are paths of
/// files: as keys of dictionaries and members of sets they stand in this type, and as a property
/// wrapper it makes the derived `==` and `hash(into:)` of a type go by bytes. The order is that
/// of UTF-8, as Go sorts.
@propertyWrapper @usableFromInline
package struct ByteText: Hashable, Comparable, Sendable, ExpressibleByStringLiteral {
  @usableFromInline package var wrappedValue: String

  @inlinable package init(wrappedValue: String) { self.wrappedValue = wrappedValue }
  @inlinable package init(_ text: String) { wrappedValue = text }
  @inlinable package init(stringLiteral text: String) { wrappedValue = text }

  @inlinable package var text: String { wrappedValue }

  @inlinable package static func == (a: ByteText, b: ByteText) -> Bool {
    a.wrappedValue.hasSameBytes(as: b.wrappedValue)
  }

  @inlinable package static func < (a: ByteText, b: ByteText) -> Bool {
    a.wrappedValue.precedesByBytes(b.wrappedValue)
  }

  @inlinable package func hash(into hasher: inout Hasher) {
    wrappedValue.hashBytes(into: &hasher)
  }
}

extension StringProtocol {
  /// Whether both are the same bytes.
  @inlinable package func hasSameBytes(as other: some StringProtocol) -> Bool {
    let count = utf8.count
    guard count == other.utf8.count else { return false }
    let same = utf8.withContiguousStorageIfAvailable { own in
      other.utf8.withContiguousStorageIfAvailable { others in
        UnsafeRawBufferPointer(own).equals(UnsafeRawBufferPointer(others))
      }
    }
    if let same, let same { return same }
    return utf8.elementsEqual(other.utf8)
  }

  /// Whether the bytes begin with those of `prefix`.
  @inlinable package func hasBytePrefix(_ prefix: some StringProtocol) -> Bool {
    utf8.starts(with: prefix.utf8)
  }

  /// Whether the bytes end with those of `suffix`.
  @inlinable package func hasByteSuffix(_ suffix: some StringProtocol) -> Bool {
    utf8.count >= suffix.utf8.count && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }
}

extension String {
  /// Whether this text comes first in the order of bytes.
  @inlinable package func precedesByBytes(_ other: String) -> Bool {
    let result = utf8.withContiguousStorageIfAvailable { own in
      other.utf8.withContiguousStorageIfAvailable { others in
        UnsafeRawBufferPointer(own).precedes(UnsafeRawBufferPointer(others))
      }
    }
    if let result, let result { return result }
    return utf8.lexicographicallyPrecedes(other.utf8)
  }

  /// Feeds the bytes and a mark of their end, which is no byte of UTF-8.
  @inlinable package func hashBytes(into hasher: inout Hasher) {
    let isDone: Void? = utf8.withContiguousStorageIfAvailable {
      hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if isDone == nil { for byte in utf8 { hasher.combine(byte) } }
    hasher.combine(0xff as UInt8)
  }
}

extension Sequence<String> {
  /// In the order of bytes.
  @inlinable package func sortedByBytes() -> [String] { sorted { $0.precedesByBytes($1) } }

  /// Whether one of them is `text`, byte by byte.
  @inlinable package func containsBytes(of text: String) -> Bool {
    contains { $0.hasSameBytes(as: text) }
  }
}

extension Sequence<ByteText> {
  /// The texts in the order of bytes.
  @inlinable package func sortedTexts() -> [String] { map(\.wrappedValue).sortedByBytes() }
}

extension Dictionary where Key == ByteText {
  @inlinable package subscript(_ key: String) -> Value? {
    get { self[ByteText(key)] }
    _modify { yield &self[ByteText(key)] }
  }

  @inlinable package subscript(_ key: String, default value: @autoclosure () -> Value) -> Value {
    get { self[ByteText(key), default: value()] }
    _modify { yield &self[ByteText(key), default: value()] }
  }

  @discardableResult @inlinable package mutating func removeValue(forKey key: String) -> Value? {
    removeValue(forKey: ByteText(key))
  }
}

extension Set<ByteText> {
  @inlinable package init(texts: some Sequence<String>) {
    self.init(minimumCapacity: texts.underestimatedCount)
    for text in texts { insert(text) }
  }

  @inlinable package func contains(_ text: String) -> Bool { contains(ByteText(text)) }

  /// Whether it was new.
  @discardableResult @inlinable package mutating func insert(_ text: String) -> Bool {
    insert(ByteText(text)).inserted
  }

  @discardableResult @inlinable package mutating func remove(_ text: String) -> Bool {
    remove(ByteText(text)) != nil
  }
}
