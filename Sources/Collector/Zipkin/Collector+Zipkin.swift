package import HTTP
import SpanStore
import TraceFormats

extension Collector {
  /// Zipkin's collector: `POST /api/v2/spans` as JSON or protobuf, `POST /api/v1/spans` as JSON
  /// or Thrift.
  package func zipkinRoutes(on router: inout Router) {
    router.on(.post, "/api/v2/spans") { request, writer in
      try await takeZipkin(request, writer, of: ZipkinBody.v2)
    }
    router.on(.post, "/api/v1/spans") { request, writer in
      try await takeZipkin(request, writer, of: ZipkinBody.v1)
    }
  }

  private func takeZipkin(
    _ request: Request, _ writer: ResponseWriter, of bodies: [String: ZipkinBody]
  ) async throws {
    let type = request.mediaType ?? "application/json"
    guard let kind = bodies[type] else {
      try await writer.respond(
        .unsupportedMediaType,
        text: "\(type) is not taken; send \(bodies.keys.sorted().joined(separator: ", "))\n")
      return
    }
    let decoding = limits.decoding
    do throws(Refusal) {
      _ = try await take(request) { body throws(TraceFormatError) in
        try SpanBatch(try kind.transcode(body, decoding).request, limits: .none)
      }
      try? await writer.respond(.accepted)
    } catch {
      try await writer.respond(refusal: error, retryAfterSeconds: limits.retryAfterSeconds)
    }
  }
}

/// The forms in which Zipkin's clients send spans.
private enum ZipkinBody: Sendable {
  case json, protobuf, v1JSON, v1Thrift

  static let v2: [String: ZipkinBody] = [
    "application/json": .json, "application/x-protobuf": .protobuf,
    "application/protobuf": .protobuf,
  ]
  static let v1: [String: ZipkinBody] = [
    "application/json": .v1JSON, "application/x-thrift": .v1Thrift,
  ]

  func transcode(
    _ body: [UInt8], _ limits: TraceDecodingLimits
  ) throws(TraceFormatError) -> TranscodedSpans {
    switch self {
    case .json: try ZipkinJSON.transcode(body, limits: limits)
    case .protobuf: try ZipkinProtobuf.transcode(body, limits: limits)
    case .v1JSON: try ZipkinV1.transcode(json: body, limits: limits)
    case .v1Thrift: try ZipkinV1.transcode(thrift: body, limits: limits)
    }
  }
}

extension ResponseWriter {
  /// Answers with a refusal as plain text.
  func respond(refusal: Refusal, retryAfterSeconds: Int) async throws(HTTPError) {
    var headers: HTTPHeaders = ["content-type": "text/plain; charset=utf-8"]
    if refusal.mayRetry { headers.append("retry-after", "\(retryAfterSeconds)") }
    try await respond(
      refusal.status, headers: headers, body: Array((refusal.message + "\n").utf8))
  }
}
