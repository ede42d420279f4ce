import TelemetryModel

/// What searches ask of every span, beside its OTLP message.
///
/// Numbers of names, resources and scopes are those of the ``SpanTables`` that come with the rows.
struct SpanRow: Sendable {
  var trace = TraceID(high: 0, low: 0)
  var span: UInt64 = 0
  /// Zero for none.
  var parent: UInt64 = 0
  /// Nanoseconds since 1970, OTLP's bits.
  var start: Int64 = 0
  var end: Int64 = 0
  var name: UInt32 = 0
  var resource: UInt32 = 0
  var scope: UInt32 = 0
  var kind: Int32 = 0
  var status: Int32 = 0
  /// Where its `Span` message stands in the bytes that come with the rows.
  var messageStart: Int32 = 0
  var messageEnd: Int32 = 0

  var message: Range<Int> { Int(messageStart)..<Int(messageEnd) }

  /// Nanoseconds, never below zero.
  var duration: Int64 { max(0, end.subtractingReportingOverflow(start).partialValue) }
}

/// What many spans share, stored once.
///
/// A resource is the fields of OTLP's `ResourceSpans` without its `scope_spans`, as they came; a
/// scope those of `ScopeSpans` without its `spans`. Put around `Span` messages again they give the
/// request back, unknown fields included.
struct SpanTables: Sendable {
  var names = ByteTable()
  var resources = ByteTable()
  var scopes = ByteTable()
  /// For each resource the number of its service's name.
  var services: [UInt32] = []
  /// What names and kinds the spans of each service have.
  var operations: Set<Operation> = []

  /// All numbers are those of ``names`` but the kind, OTLP's.
  struct Operation: Hashable {
    var service: UInt32
    var name: UInt32
    var kind: Int32
  }

  var byteSize: Int {
    names.byteSize + resources.byteSize + scopes.byteSize + operations.count * 32
  }

  func service(of row: SpanRow) -> UInt32 { services[Int(row.resource)] }

  /// The number of a resource, a new one with its service when it is not there.
  mutating func number(ofResource fields: UnsafeRawBufferPointer, service: UnsafeRawBufferPointer)
    -> UInt32
  {
    let number = resources.number(of: fields)
    if Int(number) == services.count { services.append(names.number(of: service)) }
    return number
  }
}

/// Where the numbers of some tables stand in others.
struct SpanTablesMap {
  var names: [UInt32]
  var resources: [UInt32]
  var scopes: [UInt32]

  /// The numbers that `other`'s things get in `tables`, to which new ones are added.
  init(of other: SpanTables, in tables: inout SpanTables) {
    names = Self.map(of: other.names, in: &tables.names)
    scopes = Self.map(of: other.scopes, in: &tables.scopes)
    resources = []
    for number in 0..<UInt32(other.resources.count) {
      let service = other.names.array(other.services[Int(number)])
      let fields = other.resources.array(number)
      resources.append(
        fields.withUnsafeBytes { fields in
          service.withUnsafeBytes { tables.number(ofResource: fields, service: $0) }
        })
    }
    for operation in other.operations {
      tables.operations.insert(
        .init(
          service: names[Int(operation.service)], name: names[Int(operation.name)],
          kind: operation.kind))
    }
  }

  private static func map(of other: ByteTable, in table: inout ByteTable) -> [UInt32] {
    other.bytes.withUnsafeBytes { bytes in
      (0..<UInt32(other.count)).map {
        table.number(of: UnsafeRawBufferPointer(rebasing: bytes[other[$0]]))
      }
    }
  }

  func callAsFunction(_ row: SpanRow) -> SpanRow {
    var row = row
    row.name = names[Int(row.name)]
    row.resource = resources[Int(row.resource)]
    row.scope = scopes[Int(row.scope)]
    return row
  }
}
