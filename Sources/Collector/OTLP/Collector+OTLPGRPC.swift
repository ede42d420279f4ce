package import HTTP
import SpanStore
import TelemetryModel
import TraceFormats

extension Collector {
  /// OTLP over gRPC: `opentelemetry.proto.collector.trace.v1.TraceService/Export`.
  package func otlpGRPCRoutes(on router: inout Router) {
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    router.grpc(path, messageBytesMax: limits.inflatedBytesMax) { message, request in
      do throws(Refusal) {
        return OTLPResponse.success(rejected: try await takeMessage(message, request))
      } catch {
        throw GRPCError(error)
      }
    }
  }

  private func takeMessage(_ message: [UInt8], _ request: Request) async throws(Refusal) -> Int {
    guard admission.enter(message.count) else {
      throw .busy("too many messages are being received; come again")
    }
    defer { admission.leave(message.count) }
    let tenant: TenantID
    do throws(HTTPError) { tenant = try tenantOf(request) } catch { throw Refusal(error) }
    let decoding = limits.decoding
    return try await store(message, tenant: tenant) { body throws(TraceFormatError) in
      try SpanBatch(body, limits: decoding)
    }
  }
}

extension GRPCError {
  /// `UNAVAILABLE` alone asks the sender to come again (OTLP's specification, "Failures").
  init(_ refusal: Refusal) {
    let code: Code =
      switch refusal.status.code {
      case 401: .unauthenticated
      case 403: .permissionDenied
      // What a message that cannot be read is answered with by gRPC's own libraries.
      case 400: .internal
      case 413: .invalidArgument
      case _ where refusal.mayRetry: .unavailable
      case 400..<500: .invalidArgument
      default: .internal
      }
    self.init(code, refusal.message)
  }
}
