import LogQL
import LogQuery
import TelemetryModel
import WireFormats

extension QueryService {
  /// `/index/stats`.
  func indexStatistics(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    let (start, end) = try request.parameters.bounds(now: now)
    let matchers = try selector(request)
    guard start < end else {
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
    let matchers = try selector(request)
    guard start < end else {
      throw QueryAPIError("end timestamp must not be before or equal to start time")
    }
    let limit = min(try parameters.limit(default: 100), settings.volumeSeriesMax)
    let grouping = try VolumeGrouping(parameters, matchers)
    let limits = limits(request)
    func volumes(_ range: Range<Timestamp>) throws -> [Labels: Int] {
      let found = try StreamVolumes(
        engine, tenants: request.tenants, matchers: matchers, range: range, limits: limits)
      return grouping.grouped(found.bytes)
    }
    guard isRange, !parameters["step"].isEmpty else {
      return VolumeEncoding(limit: limit).vector(try volumes(start..<end), at: end)
    }
    let step = try step(parameters, start: start, end: end)
    var steps: [(Timestamp, [Labels: Int])] = []
    var from = start
    while from < end {
      let to = min(from + step, end)
      steps.append((to, try volumes(from..<to)))
      from = to
    }
    return VolumeEncoding(limit: limit).matrix(steps)
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

  private func largest(_ volumes: [Labels: Int]) -> [(key: Labels, value: Int)] {
    let sorted = volumes.sorted {
      $0.value != $1.value
        ? $0.value > $1.value : $0.key.sorted.lexicographicallyPrecedes($1.key.sorted)
    }
    return Array(sorted.prefix(limit))
  }

  func vector(_ volumes: [Labels: Int], at time: Timestamp) -> QueryAPIResponse {
    response("vector") { writer in
      for (labels, bytes) in largest(volumes) {
        writer.beginObject()
        writer.key("metric")
        writer.encode(labels.sorted)
        writer.key("value")
        point(time, bytes, &writer)
        writer.endObject()
      }
    }
  }

  func matrix(_ steps: [(time: Timestamp, volumes: [Labels: Int])]) -> QueryAPIResponse {
    var sums: [Labels: Int] = [:]
    for step in steps {
      for (labels, bytes) in step.volumes { sums[labels, default: 0] += bytes }
    }
    return response("matrix") { writer in
      for (labels, _) in largest(sums) {
        writer.beginObject()
        writer.key("metric")
        writer.encode(labels.sorted)
        writer.key("values")
        writer.beginArray()
        for step in steps {
          if let bytes = step.volumes[labels] { point(step.time, bytes, &writer) }
        }
        writer.endArray()
        writer.endObject()
      }
    }
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
