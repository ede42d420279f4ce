import LogQL
import LogQuery
import TelemetryModel
import WireFormats

extension QueryService {
  /// `/index/stats`.
  func indexStatistics(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    let (start, end) = try request.parameters.bounds(now: now)
    let matchers = try selector(request)
    guard start <= end else {
      throw QueryAPIError("end timestamp must not be before or equal to start time")
    }
    let statistics = try index.indexStatistics(
      tenants: request.tenants, matchers: matchers, range: start..<end)
    var writer = JSONWriter()
    writer.beginObject()
    for (name, value) in [
      ("streams", statistics.streams), ("chunks", statistics.chunks),
      ("bytes", statistics.bytes), ("entries", statistics.entries),
    ] {
      writer.key(name)
      writer.int(Int64(value))
    }
    writer.endObject()
    return .json(writer.bytes)
  }

  /// `/index/volume` and `/index/volume_range`: bytes by series or by label.
  func volume(_ request: QueryAPIRequest, isRange: Bool) throws -> QueryAPIResponse {
    let parameters = request.parameters
    let (start, end) = try parameters.bounds(now: now)
    // Of all streams there are volumes too.
    let text = parameters["query"]
    let matchers = try matchers(text, allowsAnyStreams: text == "{}")
    guard start <= end else {
      throw QueryAPIError("end timestamp must not be before or equal to start time")
    }
    let asked = try parameters.integer("limit", default: 0)
    guard asked >= 0 else { throw QueryAPIError("limit must be a positive value") }
    let limit = min(asked == 0 ? 100 : asked, settings.volumeSeriesMax)
    let grouping = try VolumeGrouping(parameters, matchers)
    let ends =
      isRange ? Self.bucketEnds(start, end, try step(parameters, start: start, end: end)) : [end]
    let found = try StreamVolumes(
      engine, tenants: request.tenants, matchers: matchers, range: start..<end, ends: ends,
      limits: limits(request))
    var buckets: [(time: Timestamp, volumes: [Labels: Int])] = []
    for (bucket, bytes) in found.buckets.enumerated() {
      // A bucket's time is its last millisecond; that of the last one is the end of the range.
      let time = bucket == ends.count - 1 ? end : ends[bucket] - .milliseconds(1)
      buckets.append((time, grouping.grouped(bytes)))
    }
    return VolumeEncoding(limit: limit).encode(buckets)
  }

  /// Buckets end at multiples of the step, the last with the range.
  private static func bucketEnds(_ start: Timestamp, _ end: Timestamp, _ step: TimeSpan)
    -> [Timestamp]
  {
    let width = step.nanoseconds
    let past = start.nanoseconds % width
    var next = start.nanoseconds - (past < 0 ? past + width : past) + width
    var ends: [Timestamp] = []
    while next < end.nanoseconds {
      ends.append(Timestamp(nanoseconds: next))
      next += width
    }
    return ends + [end]
  }
}

/// What the volume of a stream is counted under.
private struct VolumeGrouping {
  private let names: Set<String>
  private let byLabelNames: Bool

  init(_ parameters: QueryParameters, _ matchers: [LabelMatcher]) throws(QueryAPIError) {
    switch parameters["aggregateBy"] {
    case "", "series": byLabelNames = false
    case "labels": byLabelNames = true
    default: throw QueryAPIError("invalid aggregation option")
    }
    let targets = parameters["targetLabels"].split(separator: ",").map(String.init)
    if !targets.isEmpty {
      names = Set(targets)
    } else if byLabelNames {
      names = []
    } else {
      names = Set(matchers.map(\.name))
    }
  }

  func grouped(_ bytes: [Labels: Int]) -> [Labels: Int] {
    var groups: [Labels: Int] = [:]
    for (labels, count) in bytes {
      let chosen = labels.sorted.filter { names.isEmpty || names.contains($0.name) }
      if byLabelNames {
        for label in chosen { groups[Labels([Label(label.name, "")]), default: 0] += count }
      } else if !chosen.isEmpty {
        groups[Labels(chosen), default: 0] += count
      }
    }
    return groups
  }
}

/// Writes volumes, the largest first.
private struct VolumeEncoding {
  let limit: Int

  private typealias Bucket = (time: Timestamp, volumes: [Labels: Int])
  private typealias Series = (
    labels: Labels, text: [UInt8], points: [(time: Timestamp, bytes: Int)]
  )

  /// The series of the `limit` largest volumes of each bucket; a matrix where one has several.
  func encode(_ buckets: [(time: Timestamp, volumes: [Labels: Int])]) -> QueryAPIResponse {
    var series: [Labels: Series] = [:]
    for bucket in buckets {
      for (labels, bytes) in largest(bucket.volumes) {
        series[labels, default: (labels, Array(labels.description.utf8), [])].points.append(
          (bucket.time, bytes))
      }
    }
    let sorted = series.values.sorted { a, b in
      let (x, y) = (a.points[0].bytes, b.points[0].bytes)
      return x == y ? a.text.lexicographicallyPrecedes(b.text) : x > y
    }
    let isMatrix = sorted.contains { $0.points.count > 1 }
    return response(isMatrix ? "matrix" : "vector") { writer in
      for one in sorted {
        writer.beginObject()
        writer.key("metric")
        writer.encode(one.labels.sorted)
        writer.key(isMatrix ? "values" : "value")
        if isMatrix { writer.beginArray() }
        for entry in one.points { point(entry.time, entry.bytes, &writer) }
        if isMatrix { writer.endArray() }
        writer.endObject()
      }
    }
  }

  private func largest(_ volumes: [Labels: Int]) -> [(key: Labels, value: Int)] {
    let sorted = volumes.sorted {
      $0.value != $1.value
        ? $0.value > $1.value : $0.key.sorted.lexicographicallyPrecedes($1.key.sorted)
    }
    return Array(sorted.prefix(limit))
  }

  private func point(_ time: Timestamp, _ bytes: Int, _ writer: inout JSONWriter) {
    writer.beginArray()
    writer.encodeSeconds(time)
    writer.string(String(bytes))
    writer.endArray()
  }

  private func response(_ type: String, _ body: (inout JSONWriter) -> Void) -> QueryAPIResponse {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("status")
    writer.string("success")
    writer.key("data")
    writer.beginObject()
    writer.key("resultType")
    writer.string(type)
    writer.key("result")
    writer.beginArray()
    body(&writer)
    writer.endArray()
    writer.endObject()
    writer.endObject()
    return .json(writer.bytes)
  }
}
