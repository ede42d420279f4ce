import Compression
package import HTTP

/// How bodies are compressed on their way.
package enum PushCompression: Hashable, Sendable {
  /// As Loki takes them.
  case snappy
  /// Smaller; only Sluice's own server takes it.
  case zstd
}

/// Pushes over HTTP by libcurl.
package struct HTTPPushTransport: PushTransport {
  /// What the server's answer is cut to in messages.
  private static let messageBytesMax = 500

  private let client: HTTPClient
  private let url: String
  private let headers: [(name: String, value: String)]
  private let timeoutSeconds: Double
  private let tokens: OAuth2Tokens?
  private let compression: PushCompression

  /// What a body inflates to, at most.
  private static let bodyBytesMax = 1 << 30

  /// `headers` are sent besides those that the push needs.
  package init(
    client: HTTPClient, url: String, headers: [(name: String, value: String)],
    timeoutSeconds: Double, tokens: OAuth2Tokens? = nil, compression: PushCompression = .snappy
  ) {
    self.client = client
    self.url = url
    self.headers = headers
    self.timeoutSeconds = timeoutSeconds
    self.tokens = tokens
    self.compression = compression
  }

  package func push(_ body: [UInt8], tenant: String) async -> PushResponse {
    guard let tokens else { return await send(body, tenant: tenant, token: nil) }
    do throws(OAuth2Tokens.Failure) {
      let token = try await tokens.token()
      let response = await send(body, tenant: tenant, token: token)
      guard response.kind == .status(401) else { return response }
      // It may have ended early: a fresh one decides.
      tokens.forget(token)
      return await send(body, tenant: tenant, token: try await tokens.token())
    } catch {
      return PushResponse(.unreachable, message: "no OAuth 2 token: \(error.message)")
    }
  }

  private func send(_ body: [UInt8], tenant: String, token: String?) async -> PushResponse {
    var fields: HTTPHeaders = ["content-type": "application/x-protobuf"]
    if !tenant.isEmpty { fields.set("x-scope-orgid", tenant) }
    for header in headers { fields.set(header.name, header.value) }
    if let token { fields.set("authorization", "Bearer \(token)") }
    var body = body
    if compression == .zstd,
      let raw = try? Snappy.decompress(body, bytesMax: Self.bodyBytesMax)
    {
      body = Zstd.compress(raw)
      fields.set("content-encoding", "zstd")
    }
    do throws(HTTPClientError) {
      let response = try await client.send(
        HTTPClientRequest(
          .post, url, headers: fields, body: body, timeoutSeconds: timeoutSeconds))
      let text = String(decoding: response.body.prefix(Self.messageBytesMax), as: UTF8.self)
      return PushResponse(
        .status(response.status),
        retryAfterSeconds: response.headers["retry-after"].flatMap(Self.seconds),
        message: text.split(whereSeparator: \.isNewline).joined(separator: " "),
        storedLines: response.headers["x-sluice-stored-lines"].flatMap { UInt32($0) }.map(Int.init))
    } catch {
      return PushResponse(.unreachable, message: error.message)
    }
  }

  /// `Retry-After` as a count of seconds (RFC 9110 section 10.2.3).
  static func seconds(_ text: String) -> Double? {
    guard let seconds = Double(text), seconds.isFinite, seconds >= 0 else { return nil }
    return seconds
  }
}
