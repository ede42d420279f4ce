package import HTTP
package import LinuxIO
import WireFormats

/// OTLP's logs over HTTP and gRPC.
package enum OTLPRoutes {
  /// Adds `POST` of `path`: `/otlp/v1/logs` as at Loki, `/v1/logs` as at a collector.
  ///
  /// Loki answers 204 where OTLP says 200 with an empty message; `answersAsLoki` says which.
  package static func add(
    to router: inout Router, _ path: String, endpoint: OTLPEndpoint, executor: BlockingExecutor,
    answersAsLoki: Bool
  ) {
    router.on(.post, path) { request, writer in
      let body: [UInt8]
      do throws(HTTPError) {
        body = try await request.body(bytesMax: endpoint.bodyBytesMax)
      } catch {
        guard error.kind == .bodyTooLarge else { throw error }
        let size = request.contentLength ?? endpoint.bodyBytesMax + 1
        try await refuse(
          .tooLarge("message", size, endpoint.bodyBytesMax), request, writer, answersAsLoki)
        return
      }
      let input = OTLPEndpoint.Input(
        contentType: answersAsLoki ? request.headers["content-type"] : request.mediaType,
        contentEncoding: request.headers["content-encoding"],
        tenant: request.headers["x-scope-orgid"], body: body)
      let answer = await withTaskExecutorPreference(executor) { await endpoint.answer(input) }
      guard answer.status == 204 else {
        try await refuse(answer, request, writer, answersAsLoki)
        return
      }
      if answersAsLoki {
        try await writer.respond(.noContent)
      } else if request.mediaType == "application/json" {
        try await writer.respond(
          .ok, contentType: "application/json", body: Array(#"{"partialSuccess":{}}"#.utf8))
      } else {
        try await writer.respond(.ok, contentType: "application/x-protobuf", body: [])
      }
    }
  }

  /// Adds `LogsService/Export`.
  package static func addGRPC(to router: inout Router, endpoint: OTLPEndpoint) {
    router.grpc(
      "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
      messageBytesMax: endpoint.bodyBytesMax
    ) { body, request in
      do throws(PushEndpoint.Answer) {
        try await endpoint.store(protobuf: body, tenant: request.headers["x-scope-orgid"])
      } catch {
        throw HTTPError(status: HTTPStatus(error.status), error.text ?? "")
      }
      return []
    }
  }

  /// A `google.rpc.Status` whose message is the answer's text.
  private static func refuse(
    _ answer: PushEndpoint.Answer, _ request: Request, _ writer: ResponseWriter,
    _ answersAsLoki: Bool
  ) async throws {
    let text = answer.text ?? ""
    if !answersAsLoki, request.mediaType == "application/json" {
      var json = JSONWriter()
      json.beginObject()
      json.key("message")
      json.string(text)
      json.endObject()
      try await writer.respond(
        HTTPStatus(answer.status), contentType: "application/json", body: json.bytes)
      return
    }
    var message = ProtobufWriter()
    message.string(2, text)
    try await writer.respond(
      HTTPStatus(answer.status),
      contentType: answersAsLoki ? "application/octet-stream" : "application/x-protobuf",
      body: message.bytes)
  }
}
