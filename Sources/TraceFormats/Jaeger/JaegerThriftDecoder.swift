import Bytes
import TelemetryModel
import WireFormats

/// Reads `Batch` and writes its spans as they come.
struct JaegerThriftDecoder {
  private var reader: ThriftReader
  private var budget: DecodingBudget
  private var output = OTLPRequestWriter()
  private var resource: [UInt8] = []
  private var span = JaegerSpanFields()

  init(_ reader: ThriftReader, _ limits: TraceDecodingLimits) {
    self.reader = reader
    budget = DecodingBudget(limits)
  }

  /// A call of `emitBatch(1: Batch batch)`.
  mutating func emitBatch() throws -> TranscodedSpans {
    guard try reader.messageName().elementsEqual("emitBatch".utf8) else {
      throw TraceFormatError.malformed("the datagram calls something else than emitBatch")
    }
    var batch: TranscodedSpans?
    try reader.beginStructure()
    while try reader.nextField() {
      if reader.field == 1, reader.type == .structure {
        batch = try self.batch()
      } else {
        try reader.skip(reader.type)
      }
    }
    guard let batch else { throw TraceFormatError.malformed("emitBatch came without a batch") }
    return batch
  }

  mutating func batch() throws -> TranscodedSpans {
    var hasProcess = false
    // Where the spans stand when they come before what made them.
    var later: ThriftReader?
    var hasSpans = false
    try reader.beginStructure()
    while try reader.nextField() {
      switch (reader.field, reader.type) {
      case (1, .structure):
        try process()
        hasProcess = true
      case (2, .list):
        hasSpans = true
        if hasProcess {
          try spans()
        } else {
          later = reader
          try reader.skip(.list)
        }
      default: try reader.skip(reader.type)
      }
    }
    guard hasProcess else { throw Self.missing("Process") }
    guard hasSpans else { throw Self.missing("Spans") }
    if let later {
      reader = later
      try spans()
    }
    return output.finish()
  }

  static func missing(_ name: String) -> TraceFormatError {
    .malformed("Required field \(name) is not set")
  }

  private mutating func process() throws {
    var attributes = FlatAttributes()
    var tags = FlatAttributes()
    var service: Range<Int>?
    try reader.beginStructure()
    while try reader.nextField() {
      switch (reader.field, reader.type) {
      case (1, .binary): service = attributes.add(text: try reader.binary())
      case (2, .list): try JaegerTagReader.read(&reader, &budget, into: &tags)
      default: try reader.skip(reader.type)
      }
    }
    guard let service else { throw Self.missing("ServiceName") }
    var writer = ProtobufWriter()
    if !service.isEmpty {
      attributes.set("service.name", .string(service))
      for entry in attributes.entries { attributes.write(entry, 1, to: &writer) }
    }
    if tags.find("host.name") == nil, let place = tags.find("hostname") {
      tags.rename(at: place, "host.name")
    }
    if tags.find("opencensus.exporterversion") == nil, let place = tags.find("jaeger.version"),
      let version = tags.text(at: place)
    {
      let text = tags.add("Jaeger-" + tags.string(version))
      tags.rename(at: place, "opencensus.exporterversion")
      tags.replace(at: place, .string(text))
    }
    // A tag of the service's name takes the place of the name itself.
    if let place = tags.find("service.name") {
      writer.bytes.removeAll()
      tags.write(tags.entries[place], 1, to: &writer)
      tags.remove(at: place)
    }
    tags.write(1, to: &writer)
    resource = writer.bytes
  }

  private mutating func spans() throws {
    let (type, count) = try reader.listHead()
    guard type == .structure || count == 0 else {
      throw TraceFormatError.malformed("the spans are no structures")
    }
    for _ in 0..<count {
      try budget.countSpan()
      span.removeAll()
      try readSpan()
      output.span(resource: resource, scope: []) { span.write(to: &$0) }
    }
  }

  private mutating func readSpan() throws {
    // Which of the required fields came, one bit for each.
    var seen: UInt16 = 0
    try reader.beginStructure()
    while try reader.nextField() {
      let (field, type) = (reader.field, reader.type)
      if (1...14).contains(field) { seen |= 1 << UInt16(field) }
      switch (field, type) {
      case (1, .int64): span.trace.low = UInt64(bitPattern: try reader.integer(type))
      case (2, .int64): span.trace.high = UInt64(bitPattern: try reader.integer(type))
      case (3, .int64): span.id = SpanID(UInt64(bitPattern: try reader.integer(type)))
      case (4, .int64): span.parent = SpanID(UInt64(bitPattern: try reader.integer(type)))
      case (5, .binary): span.name = span.attributes.add(text: try reader.binary())
      case (6, .list): try references()
      case (7, .int32): _ = try reader.integer(type)
      case (8, .int64): span.startMicroseconds = try reader.integer(type)
      case (9, .int64): span.durationMicroseconds = try reader.integer(type)
      case (10, .list):
        try JaegerTagReader.readSpan(
          &reader, &budget, into: &span.attributes, isFailed: &span.isFailed)
      case (11, .list): try logs()
      default: try reader.skip(type)
      }
    }
    for (field, name) in Self.required where seen & 1 << field == 0 { throw Self.missing(name) }
    guard !span.trace.isZero, !span.id.isZero else {
      throw TraceFormatError.malformed(
        "a span without a trace id or a span id cannot be stored; none of the batch was")
    }
  }

  private static let required: [(UInt16, String)] = [
    (1, "TraceIdLow"), (2, "TraceIdHigh"), (3, "SpanId"), (4, "ParentSpanId"),
    (5, "OperationName"), (7, "Flags"), (8, "StartTime"), (9, "Duration"),
  ]

  private mutating func references() throws {
    let (type, count) = try reader.listHead()
    for _ in 0..<count {
      guard type == .structure else {
        throw TraceFormatError.malformed("the references are no structures")
      }
      try budget.countValue()
      var reference = JaegerSpanFields.Reference()
      try reader.beginStructure()
      while try reader.nextField() {
        let (field, type) = (reader.field, reader.type)
        switch (field, type) {
        case (1, .int32): reference.isFollowsFrom = try reader.integer(type) == 1
        case (2, .int64): reference.trace.low = UInt64(bitPattern: try reader.integer(type))
        case (3, .int64): reference.trace.high = UInt64(bitPattern: try reader.integer(type))
        case (4, .int64): reference.span = SpanID(UInt64(bitPattern: try reader.integer(type)))
        default: try reader.skip(type)
        }
      }
      span.references.append(reference)
    }
  }

  private mutating func logs() throws {
    let (type, count) = try reader.listHead()
    for _ in 0..<count {
      guard type == .structure else {
        throw TraceFormatError.malformed("the logs are no structures")
      }
      try budget.countValue()
      var microseconds: Int64 = 0
      var fields = FlatAttributes()
      try reader.beginStructure()
      while try reader.nextField() {
        switch (reader.field, reader.type) {
        case (1, .int64): microseconds = try reader.integer(.int64)
        case (2, .list): try JaegerTagReader.read(&reader, &budget, into: &fields)
        default: try reader.skip(reader.type)
        }
      }
      span.addEvent(microseconds, &fields)
    }
  }
}
