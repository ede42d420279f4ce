package import HTTP
import SpanStore
import TraceFormats

extension Collector {
  /// Jaeger's collector: `POST /api/traces` with a `Batch` in Thrift's binary protocol.
  ///
  /// Answers as Jaeger does: 202 without a body, 400 as plain text. `?format=` is not looked at.
  package func jaegerRoutes(on router: inout Router) {
    router.on(.post, "/api/traces") { request, writer in
      try await takeJaeger(request, writer)
    }
  }

  private func takeJaeger(_ request: Request, _ writer: ResponseWriter) async throws {
    switch request.mediaType {
    case "application/x-thrift", "application/vnd.apache.thrift.binary": break
    case let type:
      try await writer.respond(
        .badRequest, text: "Unsupported content type: \(type ?? "none")\n")
      return
    }
    let decoding = limits.decoding
    do throws(Refusal) {
      _ = try await take(request) { body throws(TraceFormatError) in
        do throws(TraceFormatError) {
          let spans = try JaegerThrift.transcode(body, limits: decoding)
          return try SpanBatch(spans.request, limits: .none)
        } catch {
          throw TraceFormatError(error.kind, "Unable to process request body: \(error.message)")
        }
      }
      try? await writer.respond(.accepted)
    } catch {
      try await writer.respond(refusal: error, retryAfterSeconds: limits.retryAfterSeconds)
    }
  }
}
