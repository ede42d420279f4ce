import Bytes
import TelemetryModel
import TraceFormats

/// Reads what calls are found from off the columns of one block.
struct BlockCalls {
  private let block: SpanBlock
  private let table: CallPartyTable
  private var runs: [Int64] = []
  private var bases: [Int64] = []
  private let deltas: [Int64]
  private let lengths: [Int64]
  private let kinds: [Int64]
  private let statuses: [Int64]
  private let resources: [Int64]
  private let shapes: [Int64]
  private var parents: [UInt64] = []
  private var peers: [Int: CallPeers] = [:]

  /// `table` is that of the block's segment.
  init(_ block: SpanBlock, _ rule: DependencyRule, _ table: CallPartyTable) throws {
    self.block = block
    self.table = table
    let rows = 0..<block.rowCount
    runs = try block.runs()
    bases = try block.reader(SpanBlock.CoreColumn.base.rawValue).values(of: block.page)
    deltas = try block.numbers(.delta, rows)
    lengths = try block.numbers(.length, rows)
    kinds = try block.numbers(.kind, rows)
    statuses = try block.numbers(.status, rows)
    let columns = BlockRows(block)
    resources = try columns.numbers(.resource)
    shapes = try columns.numbers(.shape)
    guard bases.count == runs.count else { throw ByteError.malformedText }
    var unread = try readParents()
    if rule == .zipkin { unread.formUnion(try readPeers()) }
    try readMessages(unread.sorted())
  }

  /// Calls `visit` with each trace and its spans, by their start.
  func forEachTrace(_ visit: (TraceID, [CallSpan]) -> Void) throws {
    var spans: [CallSpan] = []
    var row = 0
    for (number, run) in runs.enumerated() {
      spans.removeAll(keepingCapacity: true)
      for row in row..<(row + Int(run)) { spans.append(try span(row, bases[number])) }
      row += Int(run)
      visit(try block.trace(number), spans)
    }
  }

  /// The spans of a trace; none when it is not in the block.
  func spans(of trace: TraceID) throws -> [CallSpan] {
    guard let number = try block.runNumber(of: trace) else { return [] }
    let start = runs[..<number].reduce(0) { $0 + Int($1) }
    return try (start..<(start + Int(runs[number]))).map { try span($0, bases[number]) }
  }

  private func span(_ row: Int, _ base: Int64) throws(ByteError) -> CallSpan {
    let start = base &+ deltas[row]
    let parties = table.parties(resource: Int(resources[row]), peers: peers[row])
    return CallSpan(
      id: try block.spanID(row), parent: parents[row], start: start,
      end: start &+ lengths[row], kind: Int32(truncatingIfNeeded: kinds[row]),
      status: Int32(truncatingIfNeeded: statuses[row]), parties: parties)
  }

  /// Puts parents' ids into ``parents``; returns rows whose message tells it.
  private mutating func readParents() throws -> Set<Int> {
    let hasParent = block.part.index.shapes.map(\.hasParent)
    let distances = try block.reader(SpanBlock.CoreColumn.parent.rawValue).values(of: block.page)
    let foreign = try block.reader(SpanBlock.CoreColumn.foreignParent.rawValue).values(
      of: block.page)
    var unread: Set<Int> = []
    var nextDistance = 0
    var nextForeign = 0
    parents = [UInt64](repeating: 0, count: block.rowCount)
    for row in 0..<block.rowCount {
      let shape = Int(shapes[row])
      if shape == 0 { unread.insert(row) }
      guard hasParent[shape] else { continue }
      guard nextDistance < distances.count else { throw ByteError.truncated }
      let distance = distances[nextDistance]
      nextDistance += 1
      if distance == 0 {
        guard nextForeign < foreign.count else { throw ByteError.truncated }
        parents[row] = UInt64(bitPattern: foreign[nextForeign])
        nextForeign += 1
      } else {
        guard distance > 0, distance <= row else { throw ByteError.malformedText }
        parents[row] = try block.spanID(row - Int(distance))
      }
    }
    return unread
  }

  /// Puts what spans say of the other side into ``peers``; returns rows whose message tells it.
  private mutating func readPeers() throws -> Set<Int> {
    let index = block.part.index
    var isUnread = index.shapes.map(\.hidesAttributes)
    for (number, key) in ZipkinSpan.remoteNameKeys.enumerated() {
      for column in index.columns(of: Array(key.utf8), in: .span) {
        let counts = index.shapes.map { $0.count(of: column) }
        guard index.columns[column].kind == .string else {
          for (shape, count) in counts.enumerated() where count > 0 { isUnread[shape] = true }
          continue
        }
        try readPeers(column, counts, number)
      }
    }
    guard isUnread.contains(true) else { return [] }
    return Set(shapes.indices.filter { isUnread[Int(shapes[$0])] })
  }

  private mutating func readPeers(_ column: Int, _ counts: [Int], _ number: Int) throws {
    let id = SpanBlock.valueColumn(column)
    guard block.hasColumn(id) else { return }
    let count = try block.valueCount(id)
    let texts = try block.texts(id, 0..<count)
    var next = 0
    for row in shapes.indices {
      let values = counts[Int(shapes[row])]
      guard values > 0 else { continue }
      next += values
      guard next <= count else { throw ByteError.truncated }
      let text = texts.withText(next - 1) { String(decoding: $0, as: UTF8.self) }
      peers[row, default: CallPeers()].texts[number] = ByteText(text)
    }
  }

  private mutating func readMessages(_ rows: [Int]) throws {
    var read: [(row: Int, parent: UInt64, peers: CallPeers?)] = []
    try block.messages(at: rows) { row, _, _, message in
      let (parent, peers) = message.withUnsafeBytes { SpanMessage.callees(WireCursor($0)) }
      read.append((row, parent, peers))
    }
    for told in read {
      if shapes[told.row] == 0 { parents[told.row] = told.parent }
      peers[told.row] = told.peers
    }
  }
}

extension SpanMessage {
  /// The parent's id and what the span says of the other side; nil when it says nothing.
  ///
  /// Of a field that comes twice the last counts.
  static func callees(_ message: WireCursor) -> (parent: UInt64, peers: CallPeers?) {
    var parent: UInt64 = 0
    var peers: CallPeers?
    var reader = message
    while let tag = try? reader.nextTag(), tag != 0 {
      guard tag == 0x22 || tag == 0x4a else {
        guard (try? reader.skip(tag)) != nil else { break }
        continue
      }
      guard let bytes = try? reader.bytes() else { break }
      if tag == 0x22 {
        parent = bytes.count == 8 ? reader.bigEndian(at: bytes.lowerBound) : 0
        continue
      }
      guard let (key, value) = try? keyAndValue(WireCursor(reader.base, bytes)),
        let number = ZipkinSpan.remoteNameKeys.firstIndex(where: {
          $0.utf8.count == key.count && reader.buffer(key).elementsEqual($0.utf8)
        })
      else { continue }
      let told = try? OTLPTraceProtobuf.decodeValue(
        RawSpan(_unsafeBytes: reader.buffer(value)))
      var known = peers ?? CallPeers()
      known.texts[number] = ByteText(told?.text ?? "")
      peers = known
    }
    return (parent, peers)
  }
}
