import Bytes
import SpanQuery
import TelemetryModel
import TraceFormats
import WireFormats

/// What a list of traces shows of one: Jaeger's `TraceSummary` (ADR-010).
struct JaegerTraceSummary {
  private var id = TraceID(high: 0, low: 0)
  private var rootService = ""
  private var rootOperation = ""
  private var start = Timestamp.zero
  private var end = Timestamp.zero
  private var orphanCount = 0
  private var services: [ByteText: (spans: Int, errors: Int)] = [:]

  init(_ trace: [ResourceSpans]) {
    var ids: Set<SpanID> = []
    trace.forEachSpan { span, _, _ in ids.insert(span.spanID) }
    var rootStart: Timestamp?
    trace.forEachSpan { span, _, resource in
      id = span.traceID
      let service = JaegerNaming.service(resource)
      let isError = span.status.code == SpanStatus.error
      let known = services[service] ?? (0, 0)
      services[service] = (known.spans + 1, known.errors + (isError ? 1 : 0))
      if span.parentSpanID.isZero {
        if rootStart.map({ span.start < $0 }) ?? true {
          rootStart = span.start
          rootService = service
          rootOperation = JaegerNaming.operation(span)
        }
      } else if !ids.contains(span.parentSpanID) {
        orphanCount += 1
      }
    }
    let extent = trace.extent
    start = extent.start
    end = extent.start + extent.length
  }

  func write(to json: inout JSONWriter) {
    json.beginObject()
    json.key("traceId")
    json.string(id.hex)
    for (name, text) in [("rootServiceName", rootService), ("rootOperationName", rootOperation)] {
      json.key(name)
      json.string(text)
    }
    json.key("minStartTimeUnixNano")
    json.quotedInt(start.nanoseconds)
    json.key("maxEndTimeUnixNano")
    json.quotedInt(end.nanoseconds)
    let counts = [
      ("spanCount", services.values.reduce(0) { $0 + $1.spans }),
      ("errorSpanCount", services.values.reduce(0) { $0 + $1.errors }),
      ("orphanSpanCount", orphanCount),
    ]
    for (name, count) in counts {
      json.key(name)
      json.int(Int64(count))
    }
    json.key("services")
    json.beginArray()
    for (name, counts) in services.sorted(by: { $0.key < $1.key }) {
      json.beginObject()
      json.key("name")
      json.string(name.text)
      json.key("spanCount")
      json.int(Int64(counts.spans))
      json.key("errorSpanCount")
      json.int(Int64(counts.errors))
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }
}
