import Bytes
package import HTTP
import LinuxIO
import Synchronization
import WireFormats

/// Tokens by OAuth 2.0's client credentials grant (RFC 6749 section 4.4), asked for as they are
/// needed and kept until shortly before they end.
package final class OAuth2Tokens: Sendable {
  /// Whom to ask and as whom.
  package struct Settings: Sendable {
    package var tokenURL: String
    package var clientID: String
    package var clientSecret: String
    package var scopes: [String]
    /// Further parameters of the request.
    package var parameters: [(name: String, value: String)]

    package init(
      tokenURL: String, clientID: String, clientSecret: String, scopes: [String],
      parameters: [(name: String, value: String)]
    ) {
      self.tokenURL = tokenURL
      self.clientID = clientID
      self.clientSecret = clientSecret
      self.scopes = scopes
      self.parameters = parameters
    }
  }

  /// Why there is no token.
  package struct Failure: Error, Hashable {
    package let message: String
  }

  private struct State {
    var token: String?
    var endsAt = MonotonicTime(nanoseconds: 0)
    /// The server wants the secret in the body instead of the header.
    var sendsSecretInBody = false
  }

  private let settings: Settings
  private let client: HTTPClient
  private let state = Mutex(State())

  /// A token is given up this long before it ends.
  private static let marginSeconds = 10.0
  /// For a token whose end is not told.
  private static let unknownLifeSeconds = 300.0

  package init(_ settings: Settings, client: HTTPClient) {
    self.settings = settings
    self.client = client
  }

  /// A token that is valid now.
  package func token() async throws(Failure) -> String {
    let known: String? = state.withLock { state in
      MonotonicTime.now() < state.endsAt ? state.token : nil
    }
    if let known { return known }
    return try await ask()
  }

  /// Says that a server did not take the token.
  package func forget(_ token: String) {
    state.withLock { state in if state.token == token { state.token = nil } }
  }

  private func ask() async throws(Failure) -> String {
    let inBody = state.withLock { $0.sendsSecretInBody }
    var response = try await request(secretInBody: inBody)
    if !inBody, (400...401).contains(response.status) {
      // Not every server knows the header; one that takes the body is asked so from now on.
      response = try await request(secretInBody: true)
      if response.status == 200 { state.withLock { $0.sendsSecretInBody = true } }
    }
    guard response.status == 200 else {
      let text = String(decoding: response.body.prefix(200), as: UTF8.self)
      throw Failure(message: "\(settings.tokenURL): status \(response.status): \(text)")
    }
    guard case .object(let members)? = try? JSONValue.parse(response.body),
      case .string(let token)? = members.first(where: { $0.key == "access_token" })?.value
    else { throw Failure(message: "\(settings.tokenURL): the answer has no access_token") }
    var life = Self.unknownLifeSeconds
    switch members.first(where: { $0.key == "expires_in" })?.value {
    case .number(let text), .string(let text): life = Double(text) ?? life
    default: break
    }
    state.withLock { state in
      state.token = token
      state.endsAt = .now().adding(seconds: max(0, life - Self.marginSeconds))
    }
    return token
  }

  private func request(secretInBody: Bool) async throws(Failure) -> HTTPClientResponse {
    var fields = [("grant_type", "client_credentials")]
    if !settings.scopes.isEmpty { fields.append(("scope", settings.scopes.joined(separator: " "))) }
    fields += settings.parameters.map { ($0.name, $0.value) }
    var headers: HTTPHeaders = [
      "content-type": "application/x-www-form-urlencoded", "accept": "application/json",
    ]
    if secretInBody {
      fields.append(("client_id", settings.clientID))
      fields.append(("client_secret", settings.clientSecret))
    } else {
      let pair = "\(Self.escaped(settings.clientID)):\(Self.escaped(settings.clientSecret))"
      headers.set("authorization", "Basic " + Base64.encode(Array(pair.utf8)))
    }
    let body = fields.map { "\(Self.escaped($0))=\(Self.escaped($1))" }.joined(separator: "&")
    do throws(HTTPClientError) {
      return try await client.send(
        HTTPClientRequest(
          .post, settings.tokenURL, headers: headers, body: Array(body.utf8), timeoutSeconds: 30))
    } catch { throw Failure(message: error.message) }
  }

  /// The form's percent-encoding.
  private static func escaped(_ text: String) -> String {
    var out: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        out.append(byte)
      default: out += Array(("%" + Hex.encode([byte]).uppercased()).utf8)
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
