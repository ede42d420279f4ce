import Compression
package import Configuration
package import LinuxIO
package import LogStore
package import TelemetryModel
import TraceFormats
import WireFormats

/// `POST /otlp/v1/logs`, apart from HTTP. Statuses and texts are Loki's.
///
/// Safe to share between threads.
package struct OTLPEndpoint: Sendable {
  /// What an endpoint needs of a request.
  package struct Input: Sendable {
    package var contentType: String?
    package var contentEncoding: String?
    package var tenant: String?
    /// As it came, still encoded.
    package var body: [UInt8]

    package init(
      contentType: String?, contentEncoding: String?, tenant: String?, body: [UInt8]
    ) {
      self.contentType = contentType
      self.contentEncoding = contentEncoding
      self.tenant = tenant
      self.body = body
    }
  }

  private let receiver: any LogReceiver
  private let authEnabled: Bool
  private let limits: @Sendable (TenantID) -> Limits
  private let clock: any WallClock
  package let bodyBytesMax: Int
  private let decodedBytesMax: Int

  /// `limits` answers the limits of a tenant, of which the rules for attributes are needed.
  package init(
    receiver: any LogReceiver, authEnabled: Bool, bodyBytesMax: Int = 100 << 20,
    decodedBytesMax: Int = 256 << 20, clock: any WallClock = SystemClock(),
    limits: @escaping @Sendable (TenantID) -> Limits = { _ in Limits() }
  ) {
    self.receiver = receiver
    self.authEnabled = authEnabled
    self.bodyBytesMax = bodyBytesMax
    self.decodedBytesMax = decodedBytesMax
    self.clock = clock
    self.limits = limits
  }

  /// Decodes the request and gives its lines to the store; answers 204 when they are durable. The
  /// text of another answer goes back as the message of a `google.rpc.Status`.
  package func answer(_ input: Input) async -> PushEndpoint.Answer {
    do throws(PushEndpoint.Answer) {
      let tenant = try tenant(input.tenant)
      let batches = try decode(input)
      try await store(batches, tenant: tenant)
    } catch { return error }
    return PushEndpoint.Answer(status: 204)
  }

  /// Stores records that came another way, such as by gRPC; throws the answer of a refusal.
  package func store(protobuf body: [UInt8], tenant: String?) async throws(PushEndpoint.Answer) {
    let tenant = try self.tenant(tenant)
    let batches: [ResourceLogs]
    do throws(TraceFormatError) {
      batches = try OTLPLogs.decodeProtobuf(body)
    } catch { throw PushEndpoint.Answer(status: 400, text: error.message) }
    try await store(batches, tenant: tenant)
  }

  private func tenant(_ header: String?) throws(PushEndpoint.Answer) -> TenantID {
    do throws(TenantHeader.Refusal) {
      return try TenantHeader.one(header, authEnabled: authEnabled)
    } catch { throw PushEndpoint.Answer(status: error.status, text: error.message) }
  }

  private func store(_ batches: [ResourceLogs], tenant: TenantID)
    async throws(PushEndpoint.Answer)
  {
    do throws(LogStoreError) {
      let streams =
        batches.contains { $0.scopes.contains { !$0.records.isEmpty } }
        ? try OTLPLogStreams.of(
          batches, rules: CompiledRules(limits(tenant).otlp),
          now: Timestamp(nanoseconds: clock.now())) : []
      try await receiver.append(LogPush(tenant: tenant, streams: streams))
    } catch { throw PushEndpoint.Answer(status: error.status, text: error.message) }
  }

  private func decode(_ input: Input) throws(PushEndpoint.Answer) -> [ResourceLogs] {
    let body = try decoded(input)
    do throws(TraceFormatError) {
      switch input.contentType ?? "" {
      case "application/x-protobuf": return try OTLPLogs.decodeProtobuf(body)
      case "application/json": return try OTLPLogs.decodeJSON(body)
      case let type:
        throw TraceFormatError(.malformed, "content type: \(type) is not supported")
      }
    } catch {
      throw PushEndpoint.Answer(
        status: error.kind == .overLimit ? 413 : 400, text: error.message)
    }
  }

  /// The body without its `Content-Encoding`.
  private func decoded(_ input: Input) throws(PushEndpoint.Answer) -> [UInt8] {
    guard input.body.count <= bodyBytesMax else {
      throw PushEndpoint.Answer.tooLarge("message", input.body.count, bodyBytesMax)
    }
    do throws(CompressionError) {
      switch input.contentEncoding ?? "" {
      case "": return input.body
      case "gzip": return try Zlib.decompress(input.body, .gzip, bytesMax: decodedBytesMax)
      case "zstd": return try Zstd.decompress(input.body, bytesMax: decodedBytesMax)
      case "lz4": return try LZ4.decompress(input.body, bytesMax: decodedBytesMax)
      case let name:
        throw CompressionError.failed(format: name)
      }
    } catch {
      switch error {
      case .tooLarge(let limit):
        throw PushEndpoint.Answer.tooLarge("decompressed message", limit + 1, limit)
      case .corrupt(let format):
        throw PushEndpoint.Answer(status: 400, text: "\(format): invalid header")
      case .failed(let name):
        throw PushEndpoint.Answer(
          status: 400,
          text: "unsupported content encoding \(name): only gzip, lz4 and zstd are supported")
      }
    }
  }
}
