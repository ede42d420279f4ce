import SpanQuery
import TelemetryModel
import TraceQL
import WireFormats

/// The answer of `/api/search`: a summary of each trace.
enum TempoSearchAnswer {
  static func encode(_ traces: [TraceSummary], showsSpans: Bool) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("traces")
    json.beginArray()
    for trace in traces { write(trace, showsSpans: showsSpans, to: &json) }
    json.endArray()
    json.key("metrics")
    json.beginObject()
    json.key("inspectedTraces")
    json.int(Int64(traces.count))
    json.endObject()
    json.endObject()
    return json.bytes
  }

  private static func write(
    _ trace: TraceSummary, showsSpans: Bool, to json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("traceID")
    let digits = trace.id.hex.drop { $0 == "0" }
    json.string(digits.isEmpty ? "0" : String(digits))
    json.key("rootServiceName")
    json.string(trace.rootService)
    json.key("rootTraceName")
    json.string(trace.rootName)
    json.key("startTimeUnixNano")
    json.quotedInt(trace.start.nanoseconds)
    let milliseconds = trace.duration.nanoseconds / 1_000_000
    if milliseconds > 0 {
      json.key("durationMs")
      json.int(milliseconds)
    }
    if showsSpans {
      if let first = trace.spansets.first {
        json.key("spanSet")
        write(first, to: &json)
      }
      json.key("spanSets")
      json.beginArray()
      for set in trace.spansets { write(set, to: &json) }
      json.endArray()
      json.key("serviceStats")
      json.beginObject()
      for (name, statistics) in trace.services {
        json.key(name)
        json.beginObject()
        json.key("spanCount")
        json.int(Int64(statistics.spanCount))
        if statistics.errorCount > 0 {
          json.key("errorCount")
          json.int(Int64(statistics.errorCount))
        }
        json.endObject()
      }
      json.endObject()
    }
    json.endObject()
  }

  private static func write(_ set: TraceSummary.SpansetSummary, to json: inout JSONWriter) {
    json.beginObject()
    json.key("spans")
    json.beginArray()
    for span in set.spans {
      json.beginObject()
      json.key("spanID")
      json.string(span.id.hex)
      if let name = span.name {
        json.key("name")
        json.string(name)
      }
      json.key("startTimeUnixNano")
      json.quotedInt(span.start.nanoseconds)
      json.key("durationNanos")
      json.quotedInt(span.duration.nanoseconds)
      TempoJSON.writeAttributes(span.attributes, to: &json)
      json.endObject()
    }
    json.endArray()
    json.key("matched")
    json.int(Int64(set.matched))
    TempoJSON.writeAttributes(set.attributes, to: &json)
    json.endObject()
  }
}

/// Values of TraceQL as OTLP's JSON writes them.
enum TempoJSON {
  /// `"attributes": […]`; nothing when there are none.
  static func writeAttributes(
    _ attributes: [(name: String, value: TraceValue)], to json: inout JSONWriter
  ) {
    guard !attributes.isEmpty else { return }
    json.key("attributes")
    writeList(attributes, to: &json)
  }

  /// `[{"key", "value"}]`.
  static func writeList(
    _ attributes: [(name: String, value: TraceValue)], to json: inout JSONWriter
  ) {
    json.beginArray()
    for (name, value) in attributes {
      json.beginObject()
      json.key("key")
      json.string(name)
      json.key("value")
      write(value, to: &json)
      json.endObject()
    }
    json.endArray()
  }

  private static func write(_ value: TraceValue, to json: inout JSONWriter) {
    json.beginObject()
    switch value {
    case .int(let number):
      json.key("intValue")
      json.quotedInt(number)
    case .float(let number):
      json.key("doubleValue")
      writeNumber(number, to: &json)
    case .bool(let flag):
      json.key("boolValue")
      json.bool(flag)
    case .array(let elements):
      json.key("arrayValue")
      json.beginObject()
      json.key("values")
      json.beginArray()
      for element in elements { write(element, to: &json) }
      json.endArray()
      json.endObject()
    case .several(let values):
      json.key("stringValue")
      json.string(values.first?.plainText ?? "")
    default:
      json.key("stringValue")
      json.string(value.plainText)
    }
    json.endObject()
  }

  /// Numbers that JSON has none for are texts.
  static func writeNumber(_ number: Double, to json: inout JSONWriter) {
    if number.isFinite {
      json.double(number)
    } else {
      json.string(number.isNaN ? "NaN" : number > 0 ? "Infinity" : "-Infinity")
    }
  }
}
