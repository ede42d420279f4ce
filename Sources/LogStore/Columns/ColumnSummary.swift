import Bytes

/// What a segment's index says of one column of a block, so that a block can be left out unread.
struct ColumnSummary: Sendable {
  var column: UInt32
  var form = ColumnForm.raw
  /// Of hexadecimal columns.
  var hexadecimal: HexadecimalStyle?
  /// Parts of values may be any text: of raw columns, and of patterns with such parts.
  var hasTextParts = false
  /// The block's filter does not have the runs of four bytes of the column's texts.
  var isUnfiltered = false
  /// Of number columns: least and most, before the division by the power of `scale`.
  var least: Int64 = 0
  var most: Int64 = 0
  var scale = 0

  init(column: UInt32) { self.column = column }

  mutating func note(_ least: Int64, _ most: Int64, _ style: NumberStyle) {
    self.least = least
    self.most = most
    scale = style.scale
  }

  /// `column (difference): varint | form, flags: 1 byte each | what the form has`
  func append(to out: inout [UInt8], after previous: UInt32) {
    out.appendZigZag(Int64(column) - Int64(previous))
    out.append(form.rawValue)
    out.append((hasTextParts ? 1 : 0) | (isUnfiltered ? 2 : 0))
    if form == .hexadecimal, let hexadecimal {
      out.append(hexadecimal.form.rawValue)
      out.append(UInt8(hexadecimal.width))
    }
    if form == .numbers {
      out.append(UInt8(scale))
      out.appendZigZag(least)
      out.appendVarint(UInt64(bitPattern: most &- least))
    }
  }

  init(_ reader: inout BlockReader, after previous: UInt32, columns: Int) throws(LogStoreError) {
    let number = Int64(previous) &+ decodeZigZag(try reader.varint())
    guard number >= 0, number < Int64(columns) else {
      throw BlockReader.malformed("a block has an unknown column")
    }
    column = UInt32(number)
    guard let form = ColumnForm(rawValue: try reader.byte()) else {
      throw BlockReader.malformed("a column has an unknown form")
    }
    self.form = form
    let flags = try reader.byte()
    hasTextParts = flags & 1 != 0
    isUnfiltered = flags & 2 != 0
    if form == .hexadecimal {
      hexadecimal = try HexadecimalStyle(&reader)
    }
    if form == .numbers {
      scale = Int(try reader.byte())
      guard scale <= NumberStyle.scaleMax else {
        throw BlockReader.malformed("a number has too many digits")
      }
      least = decodeZigZag(try reader.varint())
      most = least &+ Int64(bitPattern: try reader.varint())
      guard least <= most else { throw BlockReader.malformed("numbers have no extent") }
    }
  }
}

extension HexadecimalStyle {
  init(_ reader: inout BlockReader) throws(LogStoreError) {
    let form = try reader.byte()
    let width = Int(try reader.byte())
    guard let form = Form(rawValue: form), width > 0,
      form == .uuid ? width == 36 : width.isMultiple(of: 2)
    else { throw BlockReader.malformed("hexadecimal digits have an unknown style") }
    self.init(form: form, width: width)
  }
}

/// Shapes and columns of one block, as its segment's index has them.
struct BlockSummary: Sendable {
  /// Shapes of lines, by their numbers in the segment.
  var shapes: [UInt32] = []
  var columns: [ColumnSummary] = []
  /// Bytes of the block's filter; 0 without one.
  var filterByteCount = 0
  /// Where that begins in the page of filters.
  var filterStart = 0
}
