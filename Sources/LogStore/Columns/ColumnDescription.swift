import Bytes

/// How a column of a block is kept, read off the block's header; the streams are numbered from
/// the block's first.
indirect enum ColumnDescription {
  case constant(UInt32)
  case rowTime(RowTimeLayout)
  case dictionary([UInt32], codes: Int)
  case numbers(Numbers)
  case hexadecimal(HexadecimalStyle, stream: Int)
  case patterns([UInt32], codes: Int, columns: [ColumnDescription])
  case words([UInt32], lengthWidth: Int, lengths: Int, wordCount: Int, codes: Int)
  case raw(lengthWidth: Int, lengths: Int, bytes: Int)

  struct Numbers {
    var style: NumberStyle
    var isDelta: Bool
    var base: Int64
    var least: Int64
    var most: Int64
    var width: Int
    var first: Int
  }

  /// Reads a description; `stream` is the next stream's number and is moved on.
  init(_ reader: inout BlockReader, _ stream: inout Int, _ strings: Int, depth: Int = 0)
    throws(LogStoreError)
  {
    guard let form = ColumnForm(rawValue: try reader.byte()) else {
      throw BlockReader.malformed("a column has an unknown form")
    }
    switch form {
    case .constant: self = .constant(UInt32(try reader.varint(max: strings - 1)))
    case .rowTime:
      guard depth == 0, let layout = RowTimeLayout(rawValue: try reader.byte()) else {
        throw BlockReader.malformed("a time has an unknown layout")
      }
      self = .rowTime(layout)
    case .dictionary:
      let numbers = try Self.strings(&reader, strings)
      self = .dictionary(numbers, codes: stream)
      stream += CodeColumn.streamCount(limit: numbers.count)
    case .numbers: self = .numbers(try Self.numbers(&reader, &stream))
    case .hexadecimal:
      self = .hexadecimal(try HexadecimalStyle(&reader), stream: stream)
      stream += 1
    case .patterns:
      guard depth == 0 else { throw BlockReader.malformed("patterns lie in patterns") }
      let numbers = try Self.strings(&reader, strings)
      let codes = stream
      stream += CodeColumn.streamCount(limit: numbers.count)
      var columns: [ColumnDescription] = []
      for _ in 0..<(try reader.count()) {
        columns.append(try ColumnDescription(&reader, &stream, strings, depth: 1))
      }
      self = .patterns(numbers, codes: codes, columns: columns)
    case .words:
      guard depth == 0 else { throw BlockReader.malformed("words lie in patterns") }
      let numbers = try Self.strings(&reader, strings)
      let width = try reader.varint(max: 8)
      let lengths = stream
      stream += width
      let count = try reader.varint(max: LogBlocks.lineByteCountMax)
      // With one word alone nothing else bounds how often it is repeated.
      guard numbers.count > 1 || count <= 1 << 24 else {
        throw BlockReader.malformed("\(count) words are all the same")
      }
      self = .words(
        numbers, lengthWidth: width, lengths: lengths, wordCount: count, codes: stream)
      stream += CodeColumn.streamCount(limit: numbers.count)
    case .raw:
      let width = try reader.varint(max: 8)
      self = .raw(lengthWidth: width, lengths: stream, bytes: stream + width)
      stream += width + 1
    }
  }

  private static func strings(_ reader: inout BlockReader, _ count: Int) throws(LogStoreError)
    -> [UInt32]
  {
    var numbers: [UInt32] = []
    let own = try reader.count()
    guard own <= 1 << 16 else { throw BlockReader.malformed("a dictionary is too large") }
    for _ in 0..<own { numbers.append(UInt32(try reader.varint(max: count - 1))) }
    return numbers
  }

  private static func numbers(_ reader: inout BlockReader, _ stream: inout Int)
    throws(LogStoreError) -> Numbers
  {
    let form = try reader.byte()
    let scale = Int(try reader.byte())
    let width = Int(try reader.byte())
    guard let form = NumberStyle.Form(rawValue: form), scale <= NumberStyle.scaleMax, width <= 20
    else { throw BlockReader.malformed("numbers have an unknown style") }
    let isDelta = try reader.byte() == 1
    let least = decodeZigZag(try reader.varint())
    let most = least &+ Int64(bitPattern: try reader.varint())
    guard least <= most else { throw BlockReader.malformed("numbers have no extent") }
    let base = isDelta ? least &+ Int64(bitPattern: try reader.varint()) : least
    let planes = try reader.varint(max: 8)
    defer { stream += planes }
    return Numbers(
      style: NumberStyle(form: form, scale: scale, width: width), isDelta: isDelta, base: base,
      least: least, most: most, width: planes, first: stream)
  }
}
