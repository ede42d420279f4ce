import Bytes
import TelemetryModel

/// The calls of a block's traces by both rules, as a column of the block.
///
/// With it a question does not go over the rows. docs/formats/span-segment.md has the diagram;
/// blocks without it are of earlier versions.
struct CallColumn {
  private static let rules: [DependencyRule] = [.jaeger, .zipkin]

  private let block: SpanBlock
  private var names: [String] = []
  /// The numbers in them are those of ``names``.
  private var kinds: [Call] = []
  /// Of each trace; nil for one that never counts.
  private var extents: [CallExtent?] = []
  /// Places of traces that may hold a span twice.
  private var twins: Set<Int> = []
  /// How many calls each trace has.
  private var counts: [Int64] = []
  /// Numbers of ``kinds``.
  private var calls: [Int64] = []

  /// Reads the calls by one rule; nil when the block has no such column.
  init?(_ block: SpanBlock, _ rule: DependencyRule) throws {
    guard let bytes = block.range(of: .calls) else { return nil }
    guard let number = Self.rules.firstIndex(of: rule) else { return nil }
    self.block = block
    var cursor = ByteCursor(block.page.span.bytes.extracting(bytes))
    for _ in 0..<number { try cursor.skip(try cursor.readLength()) }
    let length = try cursor.readLength()
    let start = bytes.lowerBound + cursor.position
    try read(rule, start..<(start + length))
  }

  private mutating func read(_ rule: DependencyRule, _ range: Range<Int>) throws {
    // A copy: the cursor lives over its bytes while the parts are filled.
    let block = block
    var cursor = ByteCursor(block.page.span.bytes.extracting(range))
    names = try cursor.readBlobs().map { String(decoding: $0, as: UTF8.self) }
    for _ in 0..<(try cursor.readLength()) {
      let parent = try cursor.readNumber(below: names.count)
      let child = try cursor.readNumber(below: names.count)
      let isError = try cursor.readByte() != 0
      kinds.append(Call(parent: Int32(parent), child: Int32(child), isError: isError))
    }
    let traceCount = block.traceCount
    var absent: Set<Int> = []
    for _ in 0..<(try cursor.readLength()) {
      let place = try cursor.readNumber(below: traceCount)
      absent.insert(place)
      if try cursor.readByte() != 0 { twins.insert(place) }
    }
    var columns: [[Int64]] = []
    for _ in 0..<4 {
      let length = try cursor.readLength()
      let start = range.lowerBound + cursor.position
      try cursor.skip(length)
      let reader = try NumberColumn.Reader(block.page, start..<(start + length))
      // A span tells two calls at most.
      guard reader.count <= block.rowCount * 2 else { throw ByteError.malformedText }
      columns.append(try reader.values(of: block.page))
    }
    let (firsts, lengths) = (columns[0], columns[1])
    (counts, calls) = (columns[2], columns[3])
    let bases = try block.reader(SpanBlock.CoreColumn.base.rawValue).values(of: block.page)
    guard [firsts, lengths, counts, bases].allSatisfy({ $0.count == traceCount }),
      calls.allSatisfy({ $0 >= 0 && $0 < kinds.count })
    else { throw ByteError.malformedText }
    var left = calls.count
    for count in counts {
      guard count >= 0, count <= left else { throw ByteError.malformedText }
      left -= Int(count)
    }
    guard left == 0 else { throw ByteError.malformedText }
    extents.reserveCapacity(traceCount)
    for place in 0..<traceCount {
      let first = firsts[place] &+ Self.origin(bases[place], rule)
      extents.append(CallExtent(first: first, last: first &+ lengths[place]))
    }
    for place in absent { extents[place] = nil }
  }

  /// What the extents of a trace are told from, in the rule's unit.
  private static func origin(_ base: Int64, _ rule: DependencyRule) -> Int64 {
    rule == .jaeger ? base : base / 1000
  }

  /// Writes the calls of the traces of a block, whose first spans start at `bases`.
  ///
  /// `found` has the traces of the block, by either rule.
  static func encode(
    _ bases: [Int64], to out: inout [UInt8], found: (DependencyRule) -> TraceCallsBuilder
  ) {
    for rule in rules {
      var bytes: [UInt8] = []
      encode(found(rule), bases, rule, to: &bytes)
      out.appendBlob(bytes)
    }
  }

  private static func encode(
    _ found: TraceCallsBuilder, _ bases: [Int64], _ rule: DependencyRule, to out: inout [UInt8]
  ) {
    var places: [Int32: Int] = [:]
    var names: [String] = []
    for name in found.kinds.flatMap({ [$0.parent, $0.child] }) where places[name] == nil {
      places[name] = names.count
      names.append(found.names.names[Int(name)])
    }
    out.appendBlobs(names.map { Array($0.utf8) })
    out.appendVarint(UInt64(found.kinds.count))
    for kind in found.kinds {
      out.appendVarint(UInt64(places[kind.parent] ?? 0))
      out.appendVarint(UInt64(places[kind.child] ?? 0))
      out.append(kind.isError ? 1 : 0)
    }
    let twins = Set(found.twins)
    let absent = found.extents.indices.filter { found.extents[$0] == nil }
    out.appendVarint(UInt64(absent.count))
    for place in absent {
      out.appendVarint(UInt64(place))
      out.append(twins.contains(found.traces[place]) ? 1 : 0)
    }
    var (firsts, lengths, counts): ([Int64], [Int64], [Int64]) = ([], [], [])
    for (place, extent) in found.extents.enumerated() {
      firsts.append(extent.map { $0.first &- origin(bases[place], rule) } ?? 0)
      lengths.append(extent.map { $0.last &- $0.first } ?? 0)
      counts.append(Int64(found.ends[place] - (place == 0 ? 0 : found.ends[place - 1])))
    }
    for numbers in [firsts, lengths, counts, found.calls.map { Int64($0) }] {
      var column: [UInt8] = []
      NumberColumn.encode(numbers[...], to: &column)
      out.appendBlob(column)
    }
  }

  /// Adds the calls of all traces of the block.
  func add(to builder: inout TraceCallsBuilder) throws {
    let numbers = names.map(builder.names.number)
    let kinds = kinds.map { kind in
      builder.number(
        of: Call(
          parent: numbers[Int(kind.parent)], child: numbers[Int(kind.child)],
          isError: kind.isError))
    }
    var next = 0
    for (place, extent) in extents.enumerated() {
      let end = next + Int(counts[place])
      builder.add(
        try block.trace(place), extent, isTwin: twins.contains(place),
        calls[next..<end].lazy.map { kinds[Int($0)] })
      next = end
    }
  }
}
