import WireFormats

/// What the bodies of Zipkin's v1 and v2 have alike in JSON: a list of objects, which hold lists of
/// annotations.
protocol ZipkinJSONReader {
  var scanner: JSONScanner { get set }
  var budget: DecodingBudget { get set }
}

extension ZipkinJSONReader {
  /// Reads a whole body; `read` reads the members of a span up to its end.
  mutating func spans(_ version: String, _ read: (inout Self) throws -> Void) throws {
    guard case .beginArray = try scanner.next() else {
      throw TraceFormatError.malformed("Expected a \(version) encoded list")
    }
    try items("a span is an object") { reader in
      try reader.budget.countSpan()
      try read(&reader)
    }
    try scanner.finish()
  }

  /// Reads a list of annotations of either kind; `null` is an empty one.
  mutating func annotations(_ read: (inout Self) throws -> Void) throws {
    switch try scanner.next() {
    case .null: return
    case .beginArray: break
    default: throw scanner.error("annotations are a list")
    }
    try items("an annotation is an object") { reader in
      try reader.budget.countValue()
      try read(&reader)
    }
  }

  private mutating func items(
    _ expectation: String, _ read: (inout Self) throws -> Void
  ) throws {
    while true {
      switch try scanner.next() {
      case .endArray: return
      case .beginObject: try read(&self)
      default: throw scanner.error(expectation)
      }
    }
  }
}
