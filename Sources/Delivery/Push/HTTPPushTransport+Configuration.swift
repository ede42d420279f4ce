package import Configuration
import HTTP
package import LinuxIO
package import TelemetryModel

/// Transports as configurations describe them (Prometheus's `http_config`).
extension HTTPPushTransport {
  /// Makes the client's connections; passwords and tokens are read from their files now.
  ///
  /// - Parameters:
  ///   - extraHeaders: sent before the configured ones, which win.
  ///   - client: names whose settings they are, in errors.
  /// - Throws: ``DeliveryError/client(name:reason:)``.
  package init(
    _ http: ClientHTTPConfiguration, url: String, timeout: TimeSpan,
    compression: PushCompression = .snappy, extraHeaders: [(name: String, value: String)] = [],
    client name: String, userAgent: String, fileSystem: any FileSystem
  ) throws(DeliveryError) {
    var configuration = Self.connection(
      http.tls, proxyURL: http.proxyURL, timeout: timeout, userAgent: userAgent)
    configuration.followsRedirects = http.followRedirects
    var headers = extraHeaders + http.headers.map { (name: $0.name, value: $0.value) }
    var tokens: OAuth2Tokens?
    if let basic = http.basicAuth {
      let password =
        basic.passwordFile.isEmpty
        ? basic.password : try Self.secret(basic.passwordFile, client: name, fileSystem)
      configuration.authorization = .basic(user: basic.username, password: password)
    } else if let other = http.authorization {
      let credentials =
        other.credentialsFile.isEmpty
        ? other.credentials : try Self.secret(other.credentialsFile, client: name, fileSystem)
      if other.type.lowercased() == "bearer" {
        configuration.authorization = .bearer(token: credentials)
      } else {
        headers.append((name: "authorization", value: "\(other.type) \(credentials)"))
      }
    } else if let oauth2 = http.oauth2 {
      tokens = try Self.tokens(oauth2, client: name, userAgent: userAgent, fileSystem)
    }
    do throws(HTTPClientError) {
      self.init(
        client: try HTTPClient(configuration), url: url, headers: headers,
        timeoutSeconds: timeout.seconds, tokens: tokens, compression: compression)
    } catch {
      throw .client(name: name, reason: error.message)
    }
  }

  private static func tokens(
    _ oauth2: OAuth2, client name: String, userAgent: String, _ fileSystem: any FileSystem
  ) throws(DeliveryError) -> OAuth2Tokens {
    let secret =
      oauth2.clientSecretFile.isEmpty
      ? oauth2.clientSecret : try secret(oauth2.clientSecretFile, client: name, fileSystem)
    do throws(HTTPClientError) {
      return OAuth2Tokens(
        OAuth2Tokens.Settings(
          tokenURL: oauth2.tokenURL, clientID: oauth2.clientID, clientSecret: secret,
          scopes: oauth2.scopes,
          parameters: oauth2.endpointParameters.map { (name: $0.name, value: $0.value) }),
        client: try HTTPClient(
          connection(
            oauth2.tls, proxyURL: oauth2.proxyURL, timeout: .seconds(30), userAgent: userAgent)))
    } catch {
      throw .client(name: name, reason: "oauth2: \(error.message)")
    }
  }

  private static func connection(
    _ tls: ClientTLS, proxyURL: String, timeout: TimeSpan, userAgent: String
  ) -> HTTPClientConfiguration {
    var configuration = HTTPClientConfiguration()
    configuration.timeoutSeconds = timeout.seconds
    configuration.responseBytesMax = 1 << 20
    configuration.userAgent = userAgent
    configuration.proxyURL = proxyURL.isEmpty ? nil : proxyURL
    configuration.tls.authorityPath = tls.caFile.isEmpty ? nil : tls.caFile
    configuration.tls.certificatePath = tls.certificateFile.isEmpty ? nil : tls.certificateFile
    configuration.tls.keyPath = tls.keyFile.isEmpty ? nil : tls.keyFile
    configuration.tls.serverName = tls.serverName.isEmpty ? nil : tls.serverName
    configuration.tls.skipsVerification = tls.insecureSkipVerify
    return configuration
  }

  /// A password or token from a file, without the newline at its end.
  private static func secret(
    _ path: String, client: String, _ fileSystem: any FileSystem
  ) throws(DeliveryError) -> String {
    do throws(SystemError) {
      let bytes = try fileSystem.readWhole(path, bytesMax: 64 << 10)
      let text = String(decoding: bytes, as: UTF8.self)
      return String(text.reversed().drop { $0.isNewline }.reversed())
    } catch {
      throw .client(name: client, reason: "its secret cannot be read: \(error.message)")
    }
  }
}
