import Bytes

/// The shapes and columns of a segment while it is written.
struct SegmentShapes {
  /// No shape is taken once there are this many; lines are then kept whole.
  static let countMax = 8192
  private static let textBytesMax = 4 << 20

  private(set) var shapes: [LineShape] = []
  private(set) var columns: [ColumnKey] = []
  /// Under which encoding each column was kept last, to try first.
  var lastKinds: [UInt8] = []
  private var columnNumbers: [ColumnKey: UInt32] = [:]
  private var table = ByteHashTable()
  private var textBytes = 0

  var isFull: Bool { shapes.count >= Self.countMax || textBytes >= Self.textBytesMax }

  private static func hash(_ kind: LineShape.Kind, _ text: UnsafeRawBufferPointer) -> UInt64 {
    ByteHashTable.hash(text) ^ (UInt64(kind.rawValue) &* 0x9e37_79b9_7f4a_7c15)
  }

  /// The number of a shape that is known.
  func find(_ kind: LineShape.Kind, _ text: UnsafeRawBufferPointer) -> UInt32? {
    table.find(Self.hash(kind, text)) { number in
      let shape = shapes[Int(number)]
      return shape.kind == kind && shape.text.elementsEqual(text)
    }
  }

  /// The number of a shape, which is added when it is new; nil when there is no room.
  mutating func number(_ kind: LineShape.Kind, _ text: [UInt8]) -> UInt32? {
    if let known = text.withUnsafeBytes({ find(kind, $0) }) { return known }
    guard !isFull, let keys = columnKeys(kind, text, UInt32(shapes.count)) else { return nil }
    let number = UInt32(shapes.count)
    let shape = LineShape(kind: kind, text: text, columns: keys.map { column($0) })
    shapes.append(shape)
    textBytes += text.count
    text.withUnsafeBytes { table.insert(Self.hash(kind, $0), number) }
    return number
  }

  /// The shape of rows with metadata of these names, in order.
  mutating func metadata(_ names: [String]) -> UInt32? {
    var text: [UInt8] = []
    for name in names {
      text.appendVarint(UInt64(name.utf8.count))
      text.append(utf8: name)
    }
    if let known = text.withUnsafeBytes({ find(.metadata, $0) }) { return known }
    guard !isFull else { return nil }
    let number = UInt32(shapes.count)
    let columns = names.map { column(ColumnKey(kind: .metadata, name: Array($0.utf8))) }
    shapes.append(LineShape(kind: .metadata, text: text, columns: columns))
    textBytes += text.count
    text.withUnsafeBytes { table.insert(Self.hash(.metadata, $0), number) }
    return number
  }

  /// The columns of a new shape, nil when one would have two values in a row.
  private func columnKeys(_ kind: LineShape.Kind, _ text: [UInt8], _ number: UInt32)
    -> [ColumnKey]?
  {
    let marks = text.filter { $0 == LineShape.clean || $0 == LineShape.odd }
    var keys: [ColumnKey] = []
    switch kind {
    case .text, .metadata:
      keys = marks.indices.map {
        ColumnKey(kind: .slot, name: [], shape: number, ordinal: UInt32($0))
      }
    case .json:
      guard let paths = JSONShapePaths(text), paths.slots.count == marks.count else { return nil }
      keys = zip(paths.slots, marks).map { path, mark in
        ColumnKey(
          kind: mark == LineShape.clean ? .json : .oddJSON, name: ColumnKey.name(path: path))
      }
    case .logfmt:
      let constants = LineShape.constants(of: text)
      keys = marks.indices.map { index in
        var key = Array(text[constants[index]])
        while let last = key.last, last == UInt8(ascii: "\"") || last == UInt8(ascii: "=") {
          key.removeLast()
        }
        if let blank = key.lastIndex(of: 0x20) { key.removeSubrange(...blank) }
        return ColumnKey(
          kind: marks[index] == LineShape.clean ? .logfmt : .oddLogfmt, name: key)
      }
    }
    return Set(keys).count == keys.count ? keys : nil
  }

  private mutating func column(_ key: ColumnKey) -> UInt32 {
    if let known = columnNumbers[key] { return known }
    let number = UInt32(columns.count)
    columns.append(key)
    lastKinds.append(.max)
    columnNumbers[key] = number
    return number
  }
}

/// The lines of a block as shapes and values.
struct ShapedLines {
  /// The shape of each row.
  private(set) var shapes: [UInt32] = []
  /// Start and end of each value in the lines' bytes, row after row.
  private(set) var slots: [UInt32] = []
  private var text = TextLineSplitter()
  private var json = JSONLineSplitter()
  /// Shapes that were met last, newest first: most lines have one of them.
  private var recent: [UInt32] = []
  private static let recentMax = 4

  /// A shape that the segment does not have yet, and how often this block has it.
  private struct Candidate {
    var text: [UInt8]
    var rows = 0
    var number: UInt32?
  }

  private var candidates: [Candidate] = []
  private var candidateTable = ByteHashTable()

  /// Takes all lines apart.
  mutating func split(
    _ lines: UnsafeRawBufferPointer, _ ends: [UInt32], _ known: inout SegmentShapes
  ) {
    shapes.removeAll(keepingCapacity: true)
    slots.removeAll(keepingCapacity: true)
    candidates.removeAll()
    candidateTable.removeAll()
    shapes.reserveCapacity(ends.count)
    var start = 0
    for end in ends {
      let line = UnsafeRawBufferPointer(rebasing: lines[start..<Int(end)])
      shapes.append(split(line, start, &known))
      start = Int(end)
    }
    if !candidates.isEmpty { settle(ends, &known) }
  }

  /// The shape's number, or from `candidateBase` on that of a candidate.
  private static let candidateBase: UInt32 = 1 << 30

  private mutating func split(
    _ line: UnsafeRawBufferPointer, _ base: Int, _ known: inout SegmentShapes
  ) -> UInt32 {
    for (place, number) in recent.enumerated()
    where match(known.shapes[Int(number)], line, base) {
      if place > 0 { recent.swapAt(place, 0) }
      return number
    }
    if line.first == UInt8(ascii: "{"), json.split(line, base: base),
      let number = known.number(.json, json.text)
    {
      slots.append(contentsOf: json.slots)
      remember(number)
      return number
    }
    if text.splitPairs(line, base: base), let number = known.number(.logfmt, text.text) {
      slots.append(contentsOf: text.slots)
      remember(number)
      return number
    }
    if text.split(line, base: base) {
      if let number = text.text.withUnsafeBytes({ known.find(.text, $0) }) {
        slots.append(contentsOf: text.slots)
        return number
      }
      if !known.isFull {
        slots.append(contentsOf: text.slots)
        return candidate(text.text)
      }
    }
    slots.append(UInt32(base))
    slots.append(UInt32(base + line.count))
    return whole(&known)
  }

  /// The shape of lines that are kept whole. It is the segment's first, so that there is room.
  private func whole(_ known: inout SegmentShapes) -> UInt32 {
    known.number(.text, [LineShape.clean]) ?? 0
  }

  private mutating func remember(_ number: UInt32) {
    recent.insert(number, at: 0)
    if recent.count > Self.recentMax { recent.removeLast() }
  }

  private mutating func candidate(_ text: [UInt8]) -> UInt32 {
    let hash = text.withUnsafeBytes { ByteHashTable.hash($0) }
    if let number = candidateTable.find(hash, { candidates[Int($0)].text == text }) {
      candidates[Int(number)].rows += 1
      return Self.candidateBase + number
    }
    let number = UInt32(candidates.count)
    candidates.append(Candidate(text: text, rows: 1))
    candidateTable.insert(hash, number)
    return Self.candidateBase + number
  }

  /// Candidates that repeat become shapes; rows of the others are kept whole.
  private mutating func settle(_ ends: [UInt32], _ known: inout SegmentShapes) {
    let whole = whole(&known)
    for index in candidates.indices where candidates[index].rows > 1 {
      candidates[index].number = known.number(.text, candidates[index].text)
    }
    var kept: [UInt32] = []
    kept.reserveCapacity(slots.count)
    var at = 0
    var start: UInt32 = 0
    for row in shapes.indices {
      let shape = shapes[row]
      defer { start = ends[row] }
      guard shape >= Self.candidateBase else {
        let next = at + known.shapes[Int(shape)].columns.count * 2
        kept.append(contentsOf: slots[at..<next])
        at = next
        continue
      }
      let candidate = candidates[Int(shape - Self.candidateBase)]
      let marks = candidate.text.count { $0 == LineShape.clean }
      if let number = candidate.number {
        kept.append(contentsOf: slots[at..<(at + marks * 2)])
        shapes[row] = number
      } else {
        kept.append(start)
        kept.append(ends[row])
        shapes[row] = whole
      }
      at += marks * 2
    }
    slots = kept
  }

  /// Whether `line` has this shape; its values are then added.
  ///
  /// Values of JSON shapes are checked to be clean: that a value is what its slot says must hold
  /// for every row.
  private mutating func match(_ shape: LineShape, _ line: UnsafeRawBufferPointer, _ base: Int)
    -> Bool
  {
    let before = slots.count
    let isMatch = shape.text.withUnsafeBytes { text in
      var at = 0
      for index in shape.columns.indices {
        let constant = shape.constants[index]
        guard Self.has(text, constant, line, at) else { return false }
        at += constant.count
        let next = shape.constants[index + 1]
        guard
          let end = Self.valueEnd(
            line, at, mark: text[constant.upperBound],
            isQuoted: !constant.isEmpty && text[constant.upperBound - 1] == UInt8(ascii: "\""),
            next.isEmpty ? nil : text[next.lowerBound], shape.kind)
        else { return false }
        slots.append(UInt32(base + at))
        slots.append(UInt32(base + end))
        at = end
      }
      let last = shape.constants[shape.columns.count]
      return at + last.count == line.count && Self.has(text, last, line, at)
    }
    if !isMatch { slots.removeLast(slots.count - before) }
    return isMatch
  }

  @inline(__always)
  private static func has(
    _ text: UnsafeRawBufferPointer, _ range: Range<Int>, _ line: UnsafeRawBufferPointer, _ at: Int
  ) -> Bool {
    guard at + range.count <= line.count else { return false }
    var index = range.lowerBound
    var place = at
    while index + 8 <= range.upperBound {
      if text.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        != line.loadUnaligned(fromByteOffset: place, as: UInt64.self)
      {
        return false
      }
      index += 8
      place += 8
    }
    while index < range.upperBound {
      if text[index] != line[place] { return false }
      index += 1
      place += 1
    }
    return true
  }

  /// The end of the value that begins at `start`, nil when it is not as the mark says. Shapes
  /// with odd values are always taken apart anew.
  @inline(__always)
  private static func valueEnd(
    _ line: UnsafeRawBufferPointer, _ start: Int, mark: UInt8, isQuoted: Bool, _ next: UInt8?,
    _ kind: LineShape.Kind
  ) -> Int? {
    guard mark == LineShape.clean else { return nil }
    if isQuoted {
      let end = ByteClasses.plainTextEnd(line, from: start)
      return end < line.count && line[end] == UInt8(ascii: "\"") ? end : nil
    }
    if kind == .json { return JSONLineSplitter.scalarEnd(line, start) }
    // An unquoted value of a pair.
    var at = start
    while at < line.count, line[at] > 0x20 {
      if line[at] == UInt8(ascii: "=") || line[at] == UInt8(ascii: "\"") || line[at] > 0x7e {
        return nil
      }
      at += 1
    }
    return at
  }
}
