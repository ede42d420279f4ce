package import HTTP
import TraceFormats

extension Collector {
  /// Zipkin's collector: `POST /api/v2/spans` as JSON or protobuf.
  package func zipkinRoutes(on router: inout Router) {
    router.on(.post, "/api/v2/spans") { request, writer in
      try await takeZipkin(request, writer)
    }
    router.on(.post, "/api/v1/spans") { _, writer in
      try await writer.respond(
        .unsupportedMediaType,
        text: "Zipkin's v1 spans are not taken yet; send v2 JSON to /api/v2/spans\n")
    }
  }

  private func takeZipkin(_ request: Request, _ writer: ResponseWriter) async throws {
    let isProtobuf: Bool
    switch request.mediaType {
    case nil, "application/json": isProtobuf = false
    case "application/x-protobuf", "application/protobuf": isProtobuf = true
    case let type?:
      try await writer.respond(
        .unsupportedMediaType,
        text: "\(type) is not taken; send application/json or application/x-protobuf\n")
      return
    }
    let decoding = limits.decoding
    do throws(Refusal) {
      _ = try await take(request) { body throws(TraceFormatError) in
        let spans =
          isProtobuf
          ? try ZipkinProtobuf.decode(body, limits: decoding)
          : try ZipkinJSON.decode(body, limits: decoding)
        return Received(ZipkinSpan.batches(of: spans))
      }
      try? await writer.respond(.accepted)
    } catch {
      try await writer.respond(refusal: error, retryAfterSeconds: limits.retryAfterSeconds)
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
