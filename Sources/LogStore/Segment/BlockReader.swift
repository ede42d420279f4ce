/// Reads the parts of a page, each checked against its end. The page's checksum was right, so
/// that a fault here is one of the writer, but nothing is taken on trust.
struct BlockReader {
  /// In bounds: every read is checked against `count` first.
  private let page: UnsafeRawBufferPointer
  private(set) var position = 0

  init(_ page: UnsafeRawBufferPointer) { self.page = page }

  static func malformed(_ what: String) -> LogStoreError {
    LogStoreError(.corrupt, "malformed block: \(what)")
  }

  mutating func byte() throws(LogStoreError) -> UInt8 {
    guard position < page.count else { throw Self.malformed("it ends early") }
    defer { position += 1 }
    return page[position]
  }

  mutating func bytes(_ count: Int) throws(LogStoreError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= page.count - position else { throw Self.malformed("it ends early") }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: page[position..<(position + count)])
  }

  mutating func varint() throws(LogStoreError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try byte()
      if shift == 63, byte > 1 { throw Self.malformed("a varint is too long") }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
      if shift > 63 { throw Self.malformed("a varint is too long") }
    }
  }

  /// A varint that counts bytes or items of at least one byte still to come.
  mutating func count() throws(LogStoreError) -> Int {
    let value = try varint()
    guard value <= UInt64(page.count - position) else { throw Self.malformed("it ends early") }
    return Int(value)
  }

  /// A varint up to `limit`.
  mutating func varint(max limit: Int) throws(LogStoreError) -> Int {
    let value = try varint()
    guard limit >= 0, value <= UInt64(limit) else {
      throw Self.malformed("\(value) is above the limit of \(limit)")
    }
    return Int(value)
  }

  mutating func text() throws(LogStoreError) -> String {
    String(decoding: try bytes(try count()), as: UTF8.self)
  }
}
