import HTTP
import SpanQuery
import TelemetryModel
import TraceQL
import WireFormats

/// Reading the parameters that Tempo's paths share.
struct TempoParameters {
  let items: FormItems

  /// The value of `name`; empty counts as absent.
  subscript(_ name: String) -> String? {
    guard let text = items[name], !text.isEmpty else { return nil }
    return text
  }

  func number(_ name: String) throws(TempoFault) -> UInt64? {
    guard let text = self[name] else { return nil }
    do throws(GoNumber.Fault) { return try GoNumber.uint(text) } catch {
      throw .badRequest("invalid \(name): \(error.message)")
    }
  }

  func duration(_ name: String) throws(TempoFault) -> TimeSpan? {
    guard let text = self[name] else { return nil }
    do throws(TimeSpan.GoDurationError) {
      let span = try TimeSpan(goDuration: text)
      return span == .zero ? nil : span
    } catch {
      throw .badRequest("invalid \(name): \(error.message)")
    }
  }

  /// `q` as a query; nil when it is not there.
  func query() throws(TempoFault) -> TraceQuery? {
    guard let text = self["q"] else { return nil }
    do throws(TraceQLError) { return try TraceQuery(text) } catch {
      throw .badRequest("invalid TraceQL query: \(error.message)")
    }
  }

  /// `start` and `end` in seconds, both or none; a bound that is not there or zero is open.
  func secondsRange() throws(TempoFault) -> Range<Timestamp>? {
    let start = try number("start") ?? 0
    let end = try number("end") ?? 0
    guard start > 0 || end > 0 else { return nil }
    guard start < end else {
      throw .badRequest(
        "http parameter start must be before end. received start=\(start) end=\(end)")
    }
    return Self.time(start)..<Self.time(end)
  }

  private static func time(_ seconds: UInt64) -> Timestamp {
    .zero + TimeSpan(clampingMilliseconds: Int64(clamping: min(seconds, .max / 1000) * 1000))
  }
}

/// The query of `/api/search`: TraceQL or tags in logfmt, bounds of length, a range in seconds.
struct TempoSearchParameters {
  var search: TraceQLSearch
  /// Whether the answer tells which spans matched.
  var isTraceQL: Bool

  /// Traces that one answer may hold.
  static let limitMax: UInt64 = 5_000
  /// Spans of a spanset that one answer may hold.
  static let spansPerSpansetMax: UInt64 = 1_000

  /// Parameters that are no tags in the oldest form of the request.
  private static let reserved: Set<String> = [
    "q", "tags", "minDuration", "maxDuration", "limit", "spss", "start", "end",
  ]

  init(_ items: FormItems) throws(TempoFault) {
    let parameters = TempoParameters(items: items)
    let range = try parameters.secondsRange()
    if let query = try parameters.query() {
      guard parameters["tags"] == nil else {
        throw .badRequest("invalid request: can't specify tags and q in the same query")
      }
      guard case .spansets = query.body else {
        throw .badRequest(
          "invalid TraceQL query: metrics functions are answered by /api/metrics/query_range")
      }
      search = TraceQLSearch(query: query)
      isTraceQL = true
    } else {
      search = TraceQLSearch(
        query: TraceQuery(tags: try Self.tags(parameters, hasRange: range != nil)))
      isTraceQL = false
    }
    search.range = range
    search.minDuration = try parameters.duration("minDuration")
    search.maxDuration = try parameters.duration("maxDuration")
    if let least = search.minDuration, let most = search.maxDuration, least > most {
      throw .badRequest("invalid maxDuration: must be greater than minDuration")
    }
    if let limit = try parameters.number("limit") {
      guard limit > 0 else { throw .badRequest("invalid limit: must be a positive number") }
      guard limit <= Self.limitMax else {
        throw .badRequest("limit \(limit) exceeds max limit \(Self.limitMax)")
      }
      search.limit = Int(limit)
    }
    if let count = try parameters.number("spss") {
      guard count <= Self.spansPerSpansetMax else {
        throw .badRequest(
          "spans per span set exceeds \(Self.spansPerSpansetMax). received \(count)")
      }
      search.spansPerSpanset = Int(count)
    }
  }

  private static func tags(
    _ parameters: TempoParameters, hasRange: Bool
  ) throws(TempoFault) -> [(key: String, value: String)] {
    guard let text = parameters["tags"] else {
      guard !hasRange else { return [] }
      return parameters.items.items.filter { !reserved.contains($0.name) && !$0.value.isEmpty }
        .map { ($0.name, $0.value) }
    }
    let pairs = pairs(text)
    guard Set(pairs.map(\.key)).count == pairs.count else {
      throw .badRequest("invalid tags: a tag has been set twice")
    }
    return pairs
  }

  /// `key=value` pairs between blanks; values may be quoted.
  static func pairs(_ text: String) -> [(key: String, value: String)] {
    var pairs: [(key: String, value: String)] = []
    var rest = text[...]
    while true {
      rest = rest.drop { $0 == " " }
      guard !rest.isEmpty else { return pairs }
      let key = rest.prefix { $0 != "=" && $0 != " " }
      rest = rest.dropFirst(key.count)
      guard rest.first == "=" else { continue }
      rest.removeFirst()
      var value = ""
      if rest.first == "\"" {
        rest.removeFirst()
        while let character = rest.popFirst(), character != "\"" {
          value.append(character == "\\" ? rest.popFirst() ?? character : character)
        }
      } else {
        value = String(rest.prefix { $0 != " " })
        rest = rest.dropFirst(value.count)
      }
      pairs.append((String(key), value))
    }
  }
}
