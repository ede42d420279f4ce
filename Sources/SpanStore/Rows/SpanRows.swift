import TelemetryModel

/// Spans as columns: one row a span, with its OTLP message as it came.
///
/// The columns beside the message are what searches ask for, so that a message is decoded only for
/// rows that are answered. Strings and what spans share are numbers of a ``SpanDictionary``.
struct SpanRows: Sendable {
  var traces: [TraceID] = []
  var spans: [UInt64] = []
  /// Nanoseconds since 1970.
  var starts: [Int64] = []
  var ends: [Int64] = []
  var services: [UInt32] = []
  var names: [UInt32] = []
  var kinds: [Int32] = []
  var statuses: [Int32] = []
  var resources: [UInt32] = []
  var scopes: [UInt32] = []
  /// All `Span` messages, one after another.
  var messages: [UInt8] = []
  /// Where each message ends.
  var messageEnds: [Int] = []

  var count: Int { traces.count }

  /// Bytes held by the columns.
  var byteSize: Int { messages.count + count * 76 }

  func message(_ row: Int) -> ArraySlice<UInt8> {
    messages[(row == 0 ? 0 : messageEnds[row - 1])..<messageEnds[row]]
  }

  /// Whether the row's start lies in `range` and its length in the bounds given.
  func lasts(_ row: Int, _ search: SpanSearch) -> Bool {
    let start = Timestamp(nanoseconds: starts[row])
    if let range = search.start, !range.contains(start) { return false }
    let length = max(0, ends[row] &- starts[row])
    if let least = search.minDuration, length < least.nanoseconds { return false }
    if let most = search.maxDuration, length > most.nanoseconds { return false }
    return true
  }

  /// Appends row `row` of other rows whose dictionary numbers are mapped by `map`.
  mutating func append(_ row: Int, of other: SpanRows, map: DictionaryMap) {
    traces.append(other.traces[row])
    spans.append(other.spans[row])
    starts.append(other.starts[row])
    ends.append(other.ends[row])
    services.append(map.strings[Int(other.services[row])])
    names.append(map.strings[Int(other.names[row])])
    kinds.append(other.kinds[row])
    statuses.append(other.statuses[row])
    resources.append(map.resources[Int(other.resources[row])])
    scopes.append(map.scopes[Int(other.scopes[row])])
    messages += other.message(row)
    messageEnds.append(messages.count)
  }
}

/// Where the numbers of one dictionary stand in another.
struct DictionaryMap {
  var strings: [UInt32]
  var resources: [UInt32]
  var scopes: [UInt32]

  /// The map of a dictionary to itself.
  init(identityOf dictionary: SpanDictionary) {
    strings = dictionary.strings.indices.map { UInt32($0) }
    resources = dictionary.resources.indices.map { UInt32($0) }
    scopes = dictionary.scopes.indices.map { UInt32($0) }
  }
}
