import Bytes
import HTTP
import SpanQuery
import TelemetryModel
import TraceQL
import WireFormats

/// The query of `/api/traces`.
struct JaegerSearchParameters {
  var search = JaegerSearch()
  /// Whole traces by their ids, instead of a search.
  var traceIDs: [TraceID] = []
  var isRaw = false
  var isPretty = false
  /// Whether the answer tells where the next page begins.
  var isPaged = false

  /// Traces that one answer may hold.
  static let limitMax = 5_000

  init(_ items: FormItems, now: Timestamp) throws(JaegerFault) {
    search.service = Self.text("service", items)
    search.operation = Self.text("operation", items)
    let start = try Self.time("start", items)
    let end = try Self.time("end", items)
    search.startMin = start ?? now - .hours(48)
    search.startMax = end ?? now
    if let limit = Self.text("limit", items) {
      search.limit = Int(clamping: try Self.number("limit", limit))
    }
    search.minDuration = try Self.duration("minDuration", items)
    search.maxDuration = try Self.duration("maxDuration", items)
    search.tags = try Self.tags(items)
    try Self.readExtensions(items, prefix: "", into: &search)
    isPaged = items.contains("cursor")
    isRaw = try Self.flag("raw", items)
    isPretty = items["prettyPrint"].map { $0.isEmpty || GoNumber.bool($0) ?? true } ?? false
    for text in items.values("traceID") {
      do throws(TraceIDText.Fault) { traceIDs.append(try TraceIDText.jaeger(text)) } catch {
        throw .parameter("traceID", error.message)
      }
    }
    guard traceIDs.isEmpty else { return }
    // Jaeger needs a service; with a filter or a cursor the request is not one of its own.
    guard search.service != nil || search.filter != nil || isPaged else {
      throw JaegerFault(.badRequest, "parameter 'service' is required")
    }
    if let least = search.minDuration, let most = search.maxDuration, most < least {
      throw JaegerFault(.badRequest, "'maxDuration' should be greater than 'minDuration'")
    }
    guard (1...Self.limitMax).contains(search.limit) else {
      throw JaegerFault(
        .internalServerError, "search depth must be greater than 0 and less than max traces")
    }
  }

  /// What Jaeger's API does not have: `filter`, `sort` and `cursor`.
  static func readExtensions(
    _ items: FormItems, prefix: String, into search: inout JaegerSearch
  ) throws(JaegerFault) {
    if let text = text(prefix + "filter", items) {
      search.filter = try filter(text, name: prefix + "filter")
    }
    if let text = text(prefix + "sort", items) {
      guard let order = TraceOrder(rawValue: text) else {
        throw .parameter(prefix + "sort", "it is newest or duration")
      }
      search.order = order
    }
    if let text = text(prefix + "cursor", items) {
      guard let cursor = TraceCursor(text) else {
        throw .parameter(prefix + "cursor", "it is not one of an answer")
      }
      search.cursor = cursor
    }
  }

  /// An expression as TraceQL has it between braces, or a whole query.
  private static func filter(_ text: String, name: String) throws(JaegerFault) -> TraceQuery {
    let isQuery = text.first == "{"
    let query: TraceQuery
    do throws(TraceQLError) {
      query = try TraceQuery(isQuery ? text : "{ " + text + " }")
    } catch {
      // `({a} && {b}) > {c}` begins like an expression and is none.
      guard !isQuery, let whole = try? TraceQuery(text) else {
        throw .parameter(name, error.message)
      }
      query = whole
    }
    guard case .spansets = query.body else {
      throw .parameter(name, "metrics functions choose no traces")
    }
    return query
  }

  static func text(_ name: String, _ items: FormItems) -> String? {
    guard let text = items[name], !text.isEmpty else { return nil }
    return text
  }

  static func number(_ name: String, _ text: String) throws(JaegerFault) -> Int64 {
    do throws(GoNumber.Fault) { return try GoNumber.int64(text) } catch {
      throw .parameter(name, error.message)
    }
  }

  /// Microseconds since 1970, or nil when the parameter is absent.
  static func time(_ name: String, _ items: FormItems) throws(JaegerFault) -> Timestamp? {
    guard let text = text(name, items) else { return nil }
    let (nanoseconds, overflow) = try number(name, text).multipliedReportingOverflow(by: 1000)
    guard !overflow else { throw .parameter(name, "\(text) is outside the years 1677 to 2262") }
    return Timestamp(nanoseconds: nanoseconds)
  }

  static func duration(_ name: String, _ items: FormItems) throws(JaegerFault) -> TimeSpan? {
    guard let text = text(name, items) else { return nil }
    do throws(TimeSpan.GoDurationError) {
      let span = try TimeSpan(goDuration: text)
      // Zero means no bound, as in Jaeger.
      return span == .zero ? nil : span
    } catch {
      throw .parameter(name, error.message)
    }
  }

  static func flag(_ name: String, _ items: FormItems) throws(JaegerFault) -> Bool {
    guard let text = text(name, items) else { return false }
    guard let flag = GoNumber.bool(text) else {
      throw .parameter(name, "strconv.ParseBool: parsing \"\(text)\": invalid syntax")
    }
    return flag
  }

  /// `tag=key:value`, repeatable, and `tags`, a JSON object of texts.
  private static func tags(_ items: FormItems) throws(JaegerFault) -> [ByteText: String] {
    var tags: [ByteText: String] = [:]
    for text in items.values("tag") {
      guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
        throw JaegerFault(
          .badRequest, "malformed 'tag' parameter, expecting key:value, received: \(text)")
      }
      tags[String(text[..<colon])] = String(text[text.utf8.index(after: colon)...])
    }
    for text in items.values("tags") {
      for (key, value) in try jsonTags("tags", text) { tags[key] = value }
    }
    return tags
  }

  /// A JSON object whose values are texts; numbers and flags count as their text.
  static func jsonTags(_ name: String, _ text: String) throws(JaegerFault) -> [ByteText: String] {
    func malformed(_ reason: String) -> JaegerFault {
      JaegerFault(
        .badRequest, "malformed '\(name)' parameter, cannot unmarshal JSON: \(reason)")
    }
    let value: JSONValue
    do throws(JSONError) {
      value = try JSONValue.parse(Array(text.utf8), depthMax: 8, bytesMax: 64 << 10)
    } catch {
      throw malformed(error.message)
    }
    guard let members = value.members else { throw malformed("an object was expected") }
    var tags: [ByteText: String] = [:]
    for member in members {
      switch member.value {
      case .string(let text), .number(let text): tags[member.key] = text
      case .bool(let flag): tags[member.key] = flag ? "true" : "false"
      default: throw malformed("the value of \(member.key) is no text")
      }
    }
    return tags
  }
}
