import Bytes
import TelemetryModel

/// What a segment knows of one tenant's spans without reading their blocks.
final class SpanIndex: Sendable {
  struct Block: Sendable {
    /// The page of the segment that holds the block.
    var page = 0
    var rows: Int
    var firstTrace: TraceID
    var lastTrace: TraceID
    var starts: ClosedRange<Int64>
    /// Nanoseconds.
    var longest: Int64
    /// One bit for each of OTLP's status codes 0, 1 and 2; bit 3 for any other.
    var statuses: UInt8
    /// Numbers of the resources whose spans are in it, ascending.
    var resources: [UInt32]
    /// Columns that have a value in it, ascending.
    var columns: [Int]
    /// Those of them that have texts without a dictionary in it, ascending.
    var plainColumns: [Int]
    /// Whether some of its spans are kept as their message came.
    var hasWholes: Bool
    var filter: TraceFilter

    func mayContain(_ trace: TraceID) -> Bool {
      firstTrace <= trace && trace <= lastTrace && filter.mayContain(trace)
    }

    static func statusBit(_ code: Int32) -> UInt8 {
      (0...2).contains(code) ? 1 << UInt8(code) : 8
    }
  }

  /// A name and kind that a service's spans have.
  struct Operation: Sendable {
    /// Of ``services``.
    var service: Int
    var operation: SpanOperation
  }

  let tenant: TenantID
  let columns: [SpanColumn]
  let shapes: [SpanShape]
  /// OTLP's `ResourceSpans` and `ScopeSpans` without what is inside.
  let resources: [[UInt8]]
  let scopes: [[UInt8]]
  /// Names of services, each once.
  let services: [String]
  /// For each resource the place of its service in ``services``.
  let serviceOfResource: [Int]
  let operations: [Operation]
  /// The pages of text columns that have a dictionary, by the column's id in a block.
  let dictionaryPages: [Int: Int]
  /// Sorted by the traces in them.
  let blocks: [Block]

  init(
    tenant: TenantID, columns: [SpanColumn], shapes: [SpanShape], resources: [[UInt8]],
    scopes: [[UInt8]], services: [String], serviceOfResource: [Int], operations: [Operation],
    dictionaryPages: [Int: Int], blocks: [Block]
  ) {
    self.tenant = tenant
    self.columns = columns
    self.shapes = shapes
    self.resources = resources
    self.scopes = scopes
    self.services = services
    self.serviceOfResource = serviceOfResource
    self.operations = operations
    self.dictionaryPages = dictionaryPages
    self.blocks = blocks
  }

  /// Blocks that may hold spans of the trace: those around it by order, that the filter admits.
  func blocks(of trace: TraceID) -> [Block] { places(of: trace).map { blocks[$0] } }

  /// The places of these blocks in ``blocks``.
  func places(of trace: TraceID) -> [Int] {
    var low = 0
    var high = blocks.count
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle].lastTrace < trace { low = middle + 1 } else { high = middle }
    }
    return (low..<blocks.count).prefix { blocks[$0].firstTrace <= trace }
      .filter { blocks[$0].mayContain(trace) }
  }

  /// Rows of all blocks.
  var rowCount: Int { blocks.reduce(0) { $0 + $1.rows } }

  /// The place of a service's name in ``services``.
  func number(of service: String) -> Int? {
    services.firstIndex { $0.hasSameBytes(as: service) }
  }

  /// Which resources are of the service, one flag for each; nil when none is.
  func resources(of service: String) -> [Bool]? {
    guard let number = number(of: service) else { return nil }
    return serviceOfResource.map { $0 == number }
  }

  /// The numbers of the columns of an attribute in messages of `place`.
  func columns(of key: [UInt8], in place: SpanColumn.Place) -> [Int] {
    columns.indices.filter {
      columns[$0].place == place && columns[$0].kind.isAttribute && columns[$0].key == key
    }
  }
}

extension SpanIndex.Block {
  /// What the index tells of sorted rows.
  init(_ rows: [SpanRow], columns: [Int], plainColumns: [Int], hasWholes: Bool) {
    var traces: [TraceID] = []
    var earliest = Int64.max
    var latest = Int64.min
    var longest: Int64 = 0
    var statuses: UInt8 = 0
    var resources: Set<UInt32> = []
    var lastResource: UInt32?
    for row in rows {
      if traces.last != row.trace { traces.append(row.trace) }
      earliest = min(earliest, row.start)
      latest = max(latest, row.start)
      longest = max(longest, row.duration)
      statuses |= Self.statusBit(row.status)
      if row.resource != lastResource { resources.insert(row.resource) }
      lastResource = row.resource
    }
    self.init(
      rows: rows.count, firstTrace: rows[0].trace,
      lastTrace: rows[rows.count - 1].trace, starts: earliest...latest, longest: longest,
      statuses: statuses,
      resources: resources.sorted(), columns: columns, plainColumns: plainColumns,
      hasWholes: hasWholes, filter: TraceFilter(traces))
  }
}
