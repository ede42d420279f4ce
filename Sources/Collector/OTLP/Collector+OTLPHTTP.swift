package import HTTP
import SpanStore
import TraceFormats
import WireFormats

extension Collector {
  /// OTLP over HTTP (opentelemetry.io/docs/specs/otlp): `POST /v1/traces` as protobuf or JSON.
  package func otlpHTTPRoutes(on router: inout Router) {
    router.on(.post, "/v1/traces") { request, writer in
      try await takeOTLP(request, writer)
    }
    for method in [HTTPMethod.get, .put, .delete, .patch] {
      router.on(method, "/v1/traces") { _, writer in
        try await writer.respond(
          .methodNotAllowed, headers: ["content-type": "text/plain", "allow": "POST"],
          body: Array("405 method not allowed, supported: [POST]".utf8))
      }
    }
  }

  private func takeOTLP(_ request: Request, _ writer: ResponseWriter) async throws {
    let encoding: OTLPEncoding
    switch request.mediaType {
    case "application/x-protobuf", "application/protobuf": encoding = .protobuf
    case "application/json": encoding = .json
    default:
      try await writer.respond(
        .unsupportedMediaType, contentType: "text/plain",
        body: Array(
          "415 unsupported media type, supported: [application/json, application/x-protobuf]"
            .utf8))
      return
    }
    let decoding = limits.decoding
    do throws(Refusal) {
      let rejected = try await take(request) { body throws(TraceFormatError) in
        switch encoding {
        case .protobuf:
          try SpanBatch(body, limits: decoding)
        case .json:
          try SpanBatch(
            try OTLPTraceJSON.transcode(body, limits: decoding).request, limits: .none)
        }
      }
      try? await writer.respond(
        .ok, contentType: encoding.contentType, body: encoding.success(rejected: rejected))
    } catch {
      var headers: HTTPHeaders = ["content-type": encoding.contentType]
      if error.mayRetry { headers.append("retry-after", "\(limits.retryAfterSeconds)") }
      try await writer.respond(error.status, headers: headers, body: encoding.failure(error))
    }
  }
}

/// The two encodings of OTLP's messages; answers come in the request's.
private enum OTLPEncoding: Sendable {
  case protobuf, json

  var contentType: String {
    switch self {
    case .protobuf: "application/x-protobuf"
    case .json: "application/json"
    }
  }

  func success(rejected: Int) -> [UInt8] {
    switch self {
    case .protobuf: return OTLPResponse.success(rejected: rejected)
    case .json:
      var json = JSONWriter()
      json.beginObject()
      json.key("partialSuccess")
      json.beginObject()
      if rejected > 0 {
        json.key("rejectedSpans")
        json.quotedInt(Int64(rejected))
        json.key("errorMessage")
        json.string(Collector.rejection)
      }
      json.endObject()
      json.endObject()
      return json.bytes
    }
  }

  /// A google.rpc.Status.
  func failure(_ refusal: Refusal) -> [UInt8] {
    switch self {
    case .protobuf:
      var message = ProtobufWriter()
      message.int32(1, Int32(refusal.rpcCode))
      message.string(2, refusal.message)
      return message.bytes
    case .json:
      var json = JSONWriter()
      json.beginObject()
      json.key("code")
      json.int(Int64(refusal.rpcCode))
      json.key("message")
      json.string(refusal.message)
      json.endObject()
      return json.bytes
    }
  }
}

/// `ExportTraceServiceResponse` in protobuf.
enum OTLPResponse {
  static func success(rejected: Int) -> [UInt8] {
    var response = ProtobufWriter()
    response.message(1) { partial in
      guard rejected > 0 else { return }
      partial.int64(1, Int64(rejected))
      partial.string(2, Collector.rejection)
    }
    return response.bytes
  }
}
