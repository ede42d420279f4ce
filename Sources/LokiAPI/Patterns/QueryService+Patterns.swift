import LogQL
import TelemetryModel
import WireFormats

extension QueryService {
  /// `/patterns`: the patterns of lines, with how many there were in each step.
  func patterns(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    guard let finder = patternFinder else { return .text("", status: 404) }
    let (start, end) = try request.parameters.bounds(now: now)
    let matchers = try selector(request)
    guard start <= end else {
      throw QueryAPIError("end timestamp must not be before or equal to start time")
    }
    let step = try step(request.parameters, start: start, end: end)
    let found = try finder.find(
      tenants: request.tenants, matchers: matchers, range: start..<end, step: step)
    var writer = JSONWriter()
    writer.escapesHTML = true
    writer.beginObject()
    writer.key("status")
    writer.string("success")
    writer.key("data")
    writer.beginArray()
    for pattern in found {
      writer.beginObject()
      writer.key("pattern")
      writer.string(pattern.pattern)
      writer.key("level")
      writer.string(pattern.level)
      writer.key("samples")
      writer.beginArray()
      for sample in pattern.samples {
        writer.beginArray()
        writer.int(sample.time.nanoseconds / 1_000_000_000)
        writer.int(Int64(sample.count))
        writer.endArray()
      }
      writer.endArray()
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return .json(writer.bytes)
  }
}
