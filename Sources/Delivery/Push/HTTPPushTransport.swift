package import HTTP

/// Pushes over HTTP by libcurl.
package struct HTTPPushTransport: PushTransport {
  /// What the server's answer is cut to in messages.
  private static let messageBytesMax = 500

  private let client: HTTPClient
  private let url: String
  private let headers: [(name: String, value: String)]
  private let timeoutSeconds: Double

  /// `headers` are sent besides those that the push needs.
  package init(
    client: HTTPClient, url: String, headers: [(name: String, value: String)],
    timeoutSeconds: Double
  ) {
    self.client = client
    self.url = url
    self.headers = headers
    self.timeoutSeconds = timeoutSeconds
  }

  package func push(_ body: [UInt8], tenant: String) async -> PushResponse {
    var fields: HTTPHeaders = ["content-type": "application/x-protobuf"]
    if !tenant.isEmpty { fields.set("x-scope-orgid", tenant) }
    for header in headers { fields.set(header.name, header.value) }
    do throws(HTTPClientError) {
      let response = try await client.send(
        HTTPClientRequest(
          .post, url, headers: fields, body: body, timeoutSeconds: timeoutSeconds))
      let text = String(decoding: response.body.prefix(Self.messageBytesMax), as: UTF8.self)
      return PushResponse(
        .status(response.status),
        retryAfterSeconds: response.headers["retry-after"].flatMap(Self.seconds),
        message: text.split(whereSeparator: \.isNewline).joined(separator: " "))
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
