import WireFormats

/// Tags of a span, a process or a log.
struct JaegerTagReader {
  static func read(
    _ reader: inout ThriftReader, _ budget: inout DecodingBudget,
    into attributes: inout FlatAttributes
  ) throws {
    var isFailed: Bool?
    try read(&reader, &budget, into: &attributes, isSpan: false, &isFailed)
  }

  /// Tags of a span, which tells that it failed by one named `error` that is true or false: a tag
  /// with a text stays beside it, as a span may have an attribute of this name, too.
  static func readSpan(
    _ reader: inout ThriftReader, _ budget: inout DecodingBudget,
    into attributes: inout FlatAttributes, isFailed: inout Bool?
  ) throws { try read(&reader, &budget, into: &attributes, isSpan: true, &isFailed) }

  private static func read(
    _ reader: inout ThriftReader, _ budget: inout DecodingBudget,
    into attributes: inout FlatAttributes, isSpan: Bool, _ isFailed: inout Bool?
  ) throws {
    let (type, count) = try reader.listHead()
    for _ in 0..<count {
      guard type == .structure else {
        throw TraceFormatError.malformed("the tags are no structures")
      }
      try budget.countValue()
      try tag(&reader, into: &attributes, isSpan: isSpan, &isFailed)
    }
  }

  private static func tag(
    _ reader: inout ThriftReader, into attributes: inout FlatAttributes, isSpan: Bool,
    _ isFailed: inout Bool?
  ) throws {
    var key: Range<Int>?
    var kind: Int64?
    var text = 0..<0
    var bytes = 0..<0
    var number = 0.0
    var flag = false
    var long: Int64 = 0
    try reader.beginStructure()
    while try reader.nextField() {
      let (field, type) = (reader.field, reader.type)
      switch (field, type) {
      case (1, .binary): key = attributes.add(text: try reader.binary())
      case (2, .int32): kind = try reader.integer(type)
      case (3, .binary): text = attributes.add(text: try reader.binary())
      case (4, .double): number = try reader.double()
      case (5, .bool): flag = try reader.bool()
      case (6, .int64): long = try reader.integer(type)
      case (7, .binary): bytes = attributes.add(bytes: try reader.binary())
      default: try reader.skip(type)
      }
    }
    guard let key else { throw JaegerThriftDecoder.missing("Key") }
    guard let kind else { throw JaegerThriftDecoder.missing("VType") }
    if isSpan, kind == 2, attributes.equals(key, "error") {
      isFailed = flag
      if let place = attributes.find(key) {
        guard case .bool = attributes.entries[place].value else { return }
      }
    }
    switch kind {
    case 0: attributes.set(key, .string(text))
    case 1: attributes.set(key, .double(number))
    case 2: attributes.set(key, .bool(flag))
    case 3: attributes.set(key, .int(long))
    case 4: attributes.set(key, .bytes(bytes))
    default:
      attributes.set(key, .string(attributes.add("<Unknown Jaeger TagType \"\(kind)\">")))
    }
  }
}
