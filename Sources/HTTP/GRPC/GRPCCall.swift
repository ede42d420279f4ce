import Bytes
import Compression
import LinuxIO

/// One unary gRPC call over HTTP/2; gRPC's `PROTOCOL-HTTP2.md`.
struct GRPCCall {
  let request: Request
  let writer: ResponseWriter
  /// The longest message, before and after inflating.
  let bytesMax: Int

  private static let headers: HTTPHeaders = [
    "content-type": "application/grpc", "grpc-accept-encoding": "gzip,identity",
  ]

  func serve(_ method: GRPCMethod?) async {
    do {
      guard request.version == .http2 else {
        throw HTTPError(status: .versionNotSupported, "gRPC needs HTTP/2")
      }
      guard let method else {
        throw GRPCError(.unimplemented, "there is no method \(request.target.rawPath)")
      }
      let timer = startDeadline()
      defer { if let timer { request.connection.loop.cancel(timer) } }
      let message = try await readMessage()
      let answer = try await method(message, request)
      try await send(answer)
    } catch let error as GRPCError {
      await fail(error)
    } catch let error as HTTPError {
      if request.version == .http2 {
        await fail(GRPCError(error))
      } else {
        try? await writer.respond(error.status, text: error.message + "\n")
      }
    } catch is CancellationError {
      await fail(GRPCError(.cancelled, "the call was cancelled"))
    } catch {
      request.connection.service.log.error(
        "a gRPC method failed",
        ["path": request.target.rawPath, "error": String(describing: error)])
      await fail(GRPCError(.internal, "the call could not be answered; see the server's log"))
    }
  }

  private func send(_ answer: [UInt8]) async throws(HTTPError) {
    var framed: [UInt8] = []
    framed.reserveCapacity(answer.count + 5)
    framed.append(0)
    framed.appendBigEndian(UInt32(clamping: answer.count))
    framed.append(contentsOf: answer)
    try await request.connection.respond(
      request.id, .ok, Self.headers, framed, trailers: ["grpc-status": "0"])
  }

  /// Ends the call by trailers alone.
  private func fail(_ error: GRPCError) async {
    // Where the client is gone, nobody is left to tell.
    try? await writer.respond(.ok, headers: Self.failure(error))
  }

  private static func failure(_ error: GRPCError) -> HTTPHeaders {
    var headers = Self.headers
    for (name, value) in error.trailers.all { headers.append(name, value) }
    return headers
  }

  private func readMessage() async throws -> [UInt8] {
    let body: [UInt8]
    do throws(HTTPError) {
      body = try await request.body(bytesMax: bytesMax + 5)
    } catch {
      guard error.kind == .bodyTooLarge else { throw error }
      throw tooLarge
    }
    guard let prefix = await request.connection.messagePrefix(request.id) else {
      throw GRPCError(.internal, "the call has no message")
    }
    guard prefix.length <= bytesMax else { throw tooLarge }
    guard body.count >= prefix.length else {
      throw GRPCError(.internal, "the message is shorter than its prefix says")
    }
    guard body.count == prefix.length else {
      throw GRPCError(.unimplemented, "the method takes one message, and several came")
    }
    guard prefix.flag & 0xfe == 0 else {
      throw GRPCError(.internal, "the message's flags are not known")
    }
    return prefix.flag == 0 ? body : try inflate(body)
  }

  private var tooLarge: GRPCError {
    GRPCError(.resourceExhausted, "the message is longer than \(bytesMax) bytes")
  }

  private func inflate(_ body: [UInt8]) throws(GRPCError) -> [UInt8] {
    let encoding = request.headers["grpc-encoding"] ?? "identity"
    guard encoding != "identity" else {
      throw GRPCError(.internal, "the message is marked as compressed, and grpc-encoding is not")
    }
    let coding: ContentCoding
    switch encoding {
    case "gzip": coding = .gzip
    case "deflate": coding = .deflate
    default:
      throw GRPCError(
        .unimplemented, "the message encoding “\(encoding)” is not known; send gzip or identity")
    }
    do throws(HTTPError) {
      return try coding.inflate(body, bytesMax: bytesMax)
    } catch {
      throw error.kind == .bodyTooLarge
        ? tooLarge : GRPCError(.internal, "the message cannot be inflated")
    }
  }

  // MARK: The client's deadline

  private func startDeadline() -> EventLoop.Timer? {
    guard let text = request.headers["grpc-timeout"],
      let seconds = Self.timeoutSeconds(text)
    else { return nil }
    let connection = request.connection
    let id = request.id
    let headers = Self.failure(GRPCError(.deadlineExceeded, "the call's deadline passed"))
    return connection.loop.schedule(at: .now().adding(seconds: seconds)) {
      connection.expire(id, headers)
    }
  }

  /// At most eight digits and a unit, as in `100m`.
  static func timeoutSeconds(_ text: String) -> Double? {
    guard let unit = text.last, (2...9).contains(text.utf8.count),
      let value = UInt64(text.dropLast())
    else { return nil }
    switch unit {
    case "H": return Double(value) * 3600
    case "M": return Double(value) * 60
    case "S": return Double(value)
    case "m": return Double(value) / 1e3
    case "u": return Double(value) / 1e6
    case "n": return Double(value) / 1e9
    default: return nil
    }
  }
}
