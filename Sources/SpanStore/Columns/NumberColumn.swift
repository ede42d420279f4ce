import Bytes

/// Whole numbers packed into as few bits as the widest takes, readable in any order.
///
/// docs/formats/span-segment.md has the diagram. A column is followed by at least
/// ``slackBytes`` bytes of its page, so that every number can be loaded as a word.
enum NumberColumn {
  static let slackBytes = 9
  static let distinctMax = 256
  /// No column says of more values in a few bytes that all are one.
  static let constantMax = 1 << 20

  enum Form: UInt8 {
    case constant = 0
    case packed = 1
    case dictionary = 2
  }

  static func encode(_ values: ArraySlice<Int64>, to out: inout [UInt8]) {
    out.appendVarint(UInt64(values.count))
    guard let first = values.first else { return }
    var least = first
    var most = first
    for value in values {
      least = min(least, value)
      most = max(most, value)
    }
    if least == most, values.count <= constantMax {
      out.append(Form.constant.rawValue)
      out.appendZigZag(least)
      return
    }
    let width = bits(UInt64(bitPattern: most &- least))
    if width > 1, let dictionary = distinct(values) {
      let codeBits = bits(UInt64(dictionary.count - 1))
      if codeBits * values.count / 8 + dictionary.count * 4 < width * values.count / 8 {
        out.append(Form.dictionary.rawValue)
        out.appendVarint(UInt64(dictionary.count))
        for value in dictionary { out.appendZigZag(value) }
        out.append(UInt8(codeBits))
        pack(values, codeBits, to: &out) { value in
          var low = 0
          var high = dictionary.count - 1
          while low < high {
            let middle = (low + high) / 2
            if dictionary[middle] < value { low = middle + 1 } else { high = middle }
          }
          return UInt64(low)
        }
        return
      }
    }
    out.append(Form.packed.rawValue)
    out.appendZigZag(least)
    out.append(UInt8(width))
    pack(values, width, to: &out) { UInt64(bitPattern: $0 &- least) }
  }

  /// How many bits `value` takes, one at least.
  static func bits(_ value: UInt64) -> Int { max(1, 64 - value.leadingZeroBitCount) }

  /// The different values, ascending; nil when there are too many for a dictionary.
  private static func distinct(_ values: ArraySlice<Int64>) -> [Int64]? {
    var slots = [Int64](repeating: 0, count: 1024)
    var used = [Bool](repeating: false, count: 1024)
    var found: [Int64] = []
    for value in values {
      var slot = Int(
        truncatingIfNeeded: (UInt64(bitPattern: value) &* 0x9e37_79b9_7f4a_7c15) >> 54)
      while used[slot], slots[slot] != value { slot = (slot + 1) & 1023 }
      if used[slot] { continue }
      guard found.count < distinctMax else { return nil }
      used[slot] = true
      slots[slot] = value
      found.append(value)
    }
    return found.sorted()
  }

  @inline(__always)
  private static func pack(
    _ values: ArraySlice<Int64>, _ width: Int, to out: inout [UInt8],
    _ code: (Int64) -> UInt64
  ) {
    var word: UInt64 = 0
    var filled = 0
    for value in values {
      let number = code(value)
      word |= number << UInt64(filled)
      filled += width
      guard filled >= 64 else { continue }
      out.appendLittleEndian(word)
      filled -= 64
      word = filled == 0 ? 0 : number >> UInt64(width - filled)
    }
    for _ in 0..<(filled + 7) / 8 {
      out.append(UInt8(truncatingIfNeeded: word))
      word >>= 8
    }
  }

  /// A column in the bytes of a page.
  struct Reader {
    let count: Int
    private var form = Form.constant
    private var least: Int64 = 0
    private var width = 0
    private var dictionary: [Int64] = []
    /// Where the packed numbers begin in the page.
    private var start = 0

    /// Reads the head of the column that stands in `range` of the page.
    init(_ page: [UInt8], _ range: Range<Int>) throws(ByteError) {
      var cursor = ByteCursor(page.span.bytes.extracting(range))
      count = Int(clamping: try cursor.readVarint())
      guard count > 0 else { return }
      guard let form = Form(rawValue: try cursor.readByte()) else { throw .malformedText }
      self.form = form
      switch form {
      case .constant:
        guard count <= NumberColumn.constantMax else { throw .malformedText }
        least = decodeZigZag(try cursor.readVarint())
        return
      case .packed: least = decodeZigZag(try cursor.readVarint())
      case .dictionary:
        let size = Int(clamping: try cursor.readVarint())
        guard (1...NumberColumn.distinctMax).contains(size) else { throw .malformedText }
        for _ in 0..<size { dictionary.append(decodeZigZag(try cursor.readVarint())) }
      }
      width = Int(try cursor.readByte())
      start = range.lowerBound + cursor.position
      // Places in the dictionary are small; wider ones could be negative numbers.
      let widthMax =
        form == .dictionary ? NumberColumn.bits(UInt64(NumberColumn.distinctMax - 1)) : 64
      guard (1...widthMax).contains(width), count <= cursor.remaining * 8 / width,
        range.upperBound + NumberColumn.slackBytes <= page.count
      else { throw .truncated }
    }

    /// The numbers of `range`, which must lie in the column.
    func values(_ range: Range<Int>, of page: [UInt8]) throws(ByteError) -> [Int64] {
      guard range.lowerBound >= 0, range.upperBound <= count else { throw .truncated }
      if form == .constant { return [Int64](repeating: least, count: range.count) }
      // Every word is in bounds: `init` saw to it that the packed bits and ``slackBytes`` after
      // them lie in the page, and the range lies in the column.
      let codes = [Int64](unsafeUninitializedCapacity: range.count) { out, count in
        count = range.count
        page.withUnsafeBytes { unpack(range, $0, to: out) }
      }
      guard form == .dictionary else { return codes }
      return try numbers(ofPlaces: codes)
    }

    /// The packed numbers: differences to ``least``, or places in ``dictionary``.
    private func unpack(
      _ range: Range<Int>, _ bytes: UnsafeRawBufferPointer,
      to out: UnsafeMutableBufferPointer<Int64>
    ) {
      let mask: UInt64 = width == 64 ? .max : (1 << UInt64(width)) - 1
      let base = form == .packed ? least : 0
      var bit = range.lowerBound * width
      if width <= 56 {
        for index in 0..<range.count {
          let word = UInt64(
            littleEndian: bytes.loadUnaligned(
              fromByteOffset: start + bit >> 3, as: UInt64.self))
          out[index] = base &+ Int64(bitPattern: word >> UInt64(bit & 7) & mask)
          bit &+= width
        }
        return
      }
      for index in 0..<range.count {
        let at = start + bit >> 3
        let shift = UInt64(bit & 7)
        var word =
          UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)) >> shift
        if Int(shift) + width > 64 { word |= UInt64(bytes[at + 8]) << (64 - shift) }
        out[index] = base &+ Int64(bitPattern: word & mask)
        bit &+= width
      }
    }

    private func numbers(ofPlaces places: [Int64]) throws(ByteError) -> [Int64] {
      var out = places
      var isRight = true
      dictionary.withUnsafeBufferPointer { dictionary in
        for index in out.indices {
          let place = Int(out[index])
          if place < dictionary.count {
            out[index] = dictionary[place]
          } else {
            isRight = false
          }
        }
      }
      guard isRight else { throw .malformedText }
      return out
    }

    func values(of page: [UInt8]) throws(ByteError) -> [Int64] {
      try values(0..<count, of: page)
    }
  }
}
