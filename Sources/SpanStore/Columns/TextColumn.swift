import Bytes
import Compression

/// Gathers the texts of one column of a segment, block by block: as codes of a dictionary while
/// they repeat, else one after another.
struct TextColumnBuilder {
  /// A dictionary takes no more texts than this.
  static let dictionaryMax = 1 << 16
  /// A dictionary of so few is made whatever repeats.
  private static let smallMax = 256

  private var table = ByteTable()
  private var isPlain = false
  /// Of the block at hand: all texts and where each ends.
  private var texts: [UInt8] = []
  private var ends: [Int] = []

  /// Texts of the block at hand.
  var count: Int { ends.count }

  mutating func append(_ text: UnsafeRawBufferPointer) {
    texts.append(contentsOf: text)
    ends.append(texts.count)
  }

  /// Writes the block's texts and makes room for the next block's.
  mutating func closeBlock(to out: inout [UInt8]) {
    if let codes = codes() {
      out.append(TextForm.codes.rawValue)
      NumberColumn.encode(codes[...], to: &out)
    } else {
      out.append(TextForm.plain.rawValue)
      var lengths: [Int64] = []
      var start = 0
      for end in ends {
        lengths.append(Int64(end - start))
        start = end
      }
      var head: [UInt8] = []
      NumberColumn.encode(lengths[...], to: &head)
      out.appendVarint(UInt64(head.count))
      out += head
      out += Zstd.compress(texts)
    }
    texts.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }

  /// The block's codes; nil when nine in ten of its texts are new, or too many in all.
  private mutating func codes() -> [Int64]? {
    guard !isPlain else { return nil }
    let before = table.count
    var codes: [Int64] = []
    codes.reserveCapacity(ends.count)
    texts.withUnsafeBytes { texts in
      var start = 0
      for end in ends {
        codes.append(
          Int64(table.number(of: UnsafeRawBufferPointer(rebasing: texts[start..<end]))))
        start = end
      }
    }
    let new = table.count - before
    let repeats = table.count <= Self.smallMax || new * 10 <= ends.count * 9
    guard repeats, table.count <= Self.dictionaryMax else {
      table.truncate(to: before)
      isPlain = true
      return nil
    }
    return codes
  }

  /// The page of the dictionary; nil when no block has codes.
  func dictionary() -> [UInt8]? {
    guard table.count > 0 else { return nil }
    var out: [UInt8] = []
    out.appendVarint(UInt64(table.count))
    for number in 0..<UInt32(table.count) { out.appendVarint(UInt64(table[number].count)) }
    out += table.bytes
    return Zstd.compress(out)
  }
}

/// How a block has the texts of a column.
enum TextForm: UInt8 {
  /// Places in the column's dictionary.
  case codes = 0
  /// Lengths and compressed bytes.
  case plain = 1
}

/// The different texts of a column, in the order in which they came.
final class TextDictionary: Sendable {
  private let bytes: [UInt8]
  private let ends: [Int]

  /// No dictionary inflates to more.
  static let bytesMax = 256 << 20

  init(page: [UInt8]) throws {
    let raw = try Zstd.decompress(page, bytesMax: Self.bytesMax)
    var cursor = ByteCursor(raw.span.bytes)
    let count = try cursor.readLength()
    var ends: [Int] = []
    ends.reserveCapacity(count)
    var end = 0
    for _ in 0..<count {
      let length = Int(clamping: try cursor.readVarint())
      guard length <= raw.count - end else { throw ByteError.truncated }
      end += length
      ends.append(end)
    }
    var bytes: [UInt8] = []
    bytes.append(span: try cursor.readBytes(end))
    self.bytes = bytes
    self.ends = ends
  }

  var count: Int { ends.count }
  /// Roughly the memory that it takes.
  var byteCount: Int { bytes.count + ends.count * 8 }

  func text(_ code: Int) -> ArraySlice<UInt8> {
    bytes[(code == 0 ? 0 : ends[code - 1])..<ends[code]]
  }

  func withText<Result>(_ code: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
    -> Result
  {
    try bytes.withUnsafeBytes { all in
      try body(
        UnsafeRawBufferPointer(rebasing: all[(code == 0 ? 0 : ends[code - 1])..<ends[code]]))
    }
  }

  /// The code of `text`, or nil when no coded row has it.
  func code(of text: [UInt8]) -> Int? {
    bytes.withUnsafeBytes { bytes in
      text.withUnsafeBytes { text in
        var start = 0
        for (code, end) in ends.enumerated() {
          if end - start == text.count, ByteOrder.areEqual(bytes, start, text) { return code }
          start = end
        }
        return nil
      }
    }
  }
}
