import HTTP
import SpanQuery
import SpanStore
import TelemetryModel
import TraceFormats
import WireFormats

/// What Jaeger's API refuses with: an envelope without data and one error.
struct JaegerFault: Error {
  let status: HTTPStatus
  let message: String

  init(_ status: HTTPStatus, _ message: String) {
    self.status = status
    self.message = message
  }

  init(_ error: SpanStoreError) {
    self.init(error.code == .closed ? .serviceUnavailable : .internalServerError, error.message)
  }

  static let traceNotFound = JaegerFault(.notFound, "trace not found")

  static func parameter(_ name: String, _ reason: String) -> JaegerFault {
    JaegerFault(.badRequest, "unable to parse param '\(name)': \(reason)")
  }

  /// As API v1 writes it; a line of its own, served as plain text.
  var envelope: [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("data")
    json.null()
    for name in ["total", "limit", "offset"] {
      json.key(name)
      json.int(0)
    }
    json.key("errors")
    json.beginArray()
    json.beginObject()
    json.key("code")
    json.int(Int64(status.code))
    json.key("msg")
    json.string(message)
    json.endObject()
    json.endArray()
    json.endObject()
    return json.bytes + [UInt8(ascii: "\n")]
  }

  /// As API v3 writes it.
  var envelopeV3: [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("error")
    json.beginObject()
    json.key("httpCode")
    json.int(Int64(status.code))
    json.key("message")
    json.string(message)
    json.endObject()
    json.endObject()
    return json.bytes + [UInt8(ascii: "\n")]
  }
}

/// Writes the envelopes of API v1.
enum JaegerEnvelope {
  /// `data` as `write` writes it, and no errors.
  static func write(total: Int = 0, _ write: (inout JSONWriter) -> Void) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("data")
    write(&json)
    JaegerJSON.writeEnvelopeEnd(total: total, to: &json)
    return json.bytes
  }

  /// Traces, the ids that were asked for and are not there, and where the next page begins.
  static func traces(
    _ traces: [[ResourceSpans]], missing: [TraceID] = [], next: TraceCursor? = nil
  ) -> [UInt8] {
    guard !missing.isEmpty || next != nil else { return JaegerJSON.encode(traces) }
    var json = JSONWriter()
    json.beginObject()
    json.key("data")
    json.beginArray()
    for trace in traces { JaegerJSON.write(trace, to: &json) }
    json.endArray()
    for name in ["total", "limit", "offset"] {
      json.key(name)
      json.int(0)
    }
    if let next {
      json.key("nextCursor")
      json.string(next.text)
    }
    json.key("errors")
    guard !missing.isEmpty else {
      json.null()
      json.endObject()
      return json.bytes
    }
    json.beginArray()
    for id in missing {
      json.beginObject()
      json.key("msg")
      json.string("trace not found")
      json.key("traceID")
      json.string(JaegerJSON.text(id))
      json.endObject()
    }
    json.endArray()
    json.endObject()
    return json.bytes
  }
}

/// Sets JSON over lines, as `prettyPrint` asks for: four blanks for each level.
enum JSONIndentation {
  static func indent(_ json: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(json.count * 2)
    var depth = 0
    var isInString = false
    var isEscaped = false
    func lineBreak() {
      out.append(UInt8(ascii: "\n"))
      out.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 4 * depth))
    }
    for (index, byte) in json.enumerated() {
      if isInString {
        out.append(byte)
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        out.append(byte)
        let next = index + 1 < json.count ? json[index + 1] : 0
        if next == UInt8(ascii: "}") || next == UInt8(ascii: "]") { continue }
        depth += 1
        lineBreak()
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        let before = index > 0 ? json[index - 1] : 0
        if before != UInt8(ascii: "{"), before != UInt8(ascii: "[") {
          depth -= 1
          lineBreak()
        }
        out.append(byte)
      case UInt8(ascii: ","):
        out.append(byte)
        lineBreak()
      case UInt8(ascii: ":"):
        out.append(byte)
        out.append(UInt8(ascii: " "))
      default:
        if byte == UInt8(ascii: "\"") { isInString = true }
        out.append(byte)
      }
    }
    return out
  }
}
