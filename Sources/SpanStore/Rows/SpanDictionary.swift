import Bytes

/// What many spans share, stored once: strings, resources and scopes.
///
/// A resource is the fields of OTLP's `ResourceSpans` without its `scope_spans`, as they came; a
/// scope those of `ScopeSpans` without its `spans`. Put around `Span` messages again they give the
/// request back, unknown fields included.
struct SpanDictionary: Sendable {
  private(set) var strings: [String] = []
  private(set) var resources: [[UInt8]] = []
  private(set) var scopes: [[UInt8]] = []
  private var stringNumbers: [String: UInt32] = [:]
  private var resourceNumbers: [[UInt8]: UInt32] = [:]
  private var scopeNumbers: [[UInt8]: UInt32] = [:]
  private(set) var byteSize = 0

  init() {}

  init(strings: [String], resources: [[UInt8]], scopes: [[UInt8]]) {
    for string in strings { _ = number(ofString: string) }
    for resource in resources { _ = number(ofResource: resource) }
    for scope in scopes { _ = number(ofScope: scope) }
  }

  /// The number of `string`, a new one when it is not there.
  mutating func number(ofString string: String) -> UInt32 {
    if let known = stringNumbers[string] { return known }
    let new = UInt32(strings.count)
    strings.append(string)
    stringNumbers[string] = new
    byteSize += 2 * string.utf8.count + 64
    return new
  }

  mutating func number(ofResource fields: [UInt8]) -> UInt32 {
    if let known = resourceNumbers[fields] { return known }
    let new = UInt32(resources.count)
    resources.append(fields)
    resourceNumbers[fields] = new
    byteSize += fields.count + 96
    return new
  }

  mutating func number(ofScope fields: [UInt8]) -> UInt32 {
    if let known = scopeNumbers[fields] { return known }
    let new = UInt32(scopes.count)
    scopes.append(fields)
    scopeNumbers[fields] = new
    byteSize += fields.count + 96
    return new
  }

  /// The number of `string`, or nil when no row can have it.
  func existingNumber(ofString string: String) -> UInt32? { stringNumbers[string] }
}
