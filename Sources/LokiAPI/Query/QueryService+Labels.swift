import Bytes
import LogQL
import LogQuery
import TelemetryModel
import WireFormats

extension QueryService {
  /// The streams of a label request: those of its time range and, where there is one, selector.
  private func streams(
    _ request: QueryAPIRequest, _ selectors: [[LabelMatcher]]
  ) throws -> [Labels] {
    let (start, end) = try request.parameters.bounds(now: now, defaultSpan: .hours(6))
    guard start <= end else { return [] }
    // Both ends belong to it.
    return try index.streamLabels(
      tenants: request.tenants, matchers: selectors,
      range: start..<(end + TimeSpan(nanoseconds: 1)))
  }

  /// The selector of `query`, where there is one.
  private func optionalSelector(_ request: QueryAPIRequest) throws -> [[LabelMatcher]] {
    request.parameters["query"].isEmpty ? [] : [try selector(request)]
  }

  /// The selectors of a series request; `{}` alone is every stream.
  private func selectors(_ texts: [String]) throws -> [[LabelMatcher]] {
    if texts == ["{}"] { return [] }
    return try texts.map { text in
      let matchers = try matchers(text, allowsAnyStreams: text == "{}")
      guard !matchers.isEmpty else { throw QueryAPIError("0 matchers in group: \(text)") }
      return matchers
    }
  }

  /// `/labels`.
  func labelNames(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    strings(try foundLabelNames(request))
  }

  func foundLabelNames(_ request: QueryAPIRequest) throws -> Set<ByteText> {
    let found = try streams(request, optionalSelector(request))
    return Set(texts: found.flatMap { $0.sorted.map(\.name) })
  }

  /// `/label/{name}/values`.
  func labelValues(_ request: QueryAPIRequest, of name: String) throws -> QueryAPIResponse {
    strings(try foundLabelValues(request, of: name))
  }

  func foundLabelValues(_ request: QueryAPIRequest, of name: String) throws -> Set<ByteText> {
    let found = try streams(request, optionalSelector(request))
    return Set(texts: found.compactMap { $0[name] })
  }

  /// Sorted; Loki leaves `data` out when there is nothing.
  private func strings(_ values: Set<ByteText>) -> QueryAPIResponse {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("status")
    writer.string("success")
    if !values.isEmpty {
      writer.key("data")
      writer.beginArray()
      for value in values.sortedTexts() { writer.string(value) }
      writer.endArray()
    }
    writer.endObject()
    return .json(writer.bytes)
  }

  /// `/series`.
  func series(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    let texts = request.parameters.values("match[]") + request.parameters.values("match")
    let found = try streams(request, selectors(texts))
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("status")
    writer.string("success")
    writer.key("data")
    writer.beginArray()
    for labels in found.sorted(by: { $0.sorted.lexicographicallyPrecedes($1.sorted) }) {
      writer.encode(labels.sorted)
    }
    writer.endArray()
    writer.endObject()
    return .json(writer.bytes)
  }

  /// `/detected_labels`: the labels of the streams, with how many values each has.
  func detectedLabels(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    let found = try streams(request, optionalSelector(request))
    var values: [ByteText: Set<ByteText>] = [:]
    for labels in found {
      for label in labels.sorted { values[label.name, default: []].insert(label.value) }
    }
    let shown = values.filter { !$0.value.allSatisfy { isIdentifier($0.text) } }
    var writer = JSONWriter()
    writer.beginObject()
    if !shown.isEmpty {
      writer.key("detectedLabels")
      writer.beginArray()
      for (name, values) in shown.sorted(by: { $0.key < $1.key }) {
        writer.beginObject()
        writer.key("label")
        writer.string(name.text)
        writer.key("cardinality")
        writer.int(Int64(values.count))
        writer.endObject()
      }
      writer.endArray()
    }
    writer.endObject()
    return .json(writer.bytes)
  }

  /// A number or a UUID: labels of nothing else are of no use for browsing.
  private func isIdentifier(_ value: String) -> Bool {
    if Double(value) != nil { return true }
    let groups = value.split(separator: "-", omittingEmptySubsequences: false)
    return groups.map(\.count) == [8, 4, 4, 4, 12]
      && value.utf8.allSatisfy {
        $0 == UInt8(ascii: "-") || Character(Unicode.Scalar($0)).isHexDigit
      }
  }
}
