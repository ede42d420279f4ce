import Bytes
import Configuration
import Delivery
import HTTP
import LinuxIO
import TelemetryModel

/// The configured clients as destinations of the queue.
struct Destinations {
  struct Member {
    var settings: DestinationSettings
    var transport: any PushTransport
  }

  let members: [Member]
  let profiles: [BatchProfile]
  let bodyBytesMax: Int
  let batchWaitSeconds: Double

  init(_ clients: [ClientConfiguration], fileSystem: any FileSystem) throws(AgentError) {
    var members: [Member] = []
    var profiles: [BatchProfile] = []
    var names: Set<String> = []
    for client in clients {
      let profile = BatchProfile(externalLabels: client.externalLabels)
      if !profiles.contains(profile) { profiles.append(profile) }
      let identity = client.name.isEmpty ? "\(client.url) \(client.tenantID)" : client.name
      let base = Self.name(of: client)
      var name = base
      var count = 1
      while !names.insert(name).inserted {
        count += 1
        name = "\(base)-\(count)"
      }
      let hash = XXH3.hash(count == 1 ? identity : "\(identity) \(count)")
      var settings = DestinationSettings(
        key: client.name.isEmpty || count > 1 || client.name.utf8.count > 100
          ? String(hash, radix: 16) : client.name,
        name: name, url: client.url, profile: profile)
      settings.tenant = client.tenantID
      settings.backoffLeast = client.backoff.minPeriod
      settings.backoffGreatest = client.backoff.maxPeriod
      settings.dropsRateLimited = client.dropRateLimitedBatches
      let transport = try Self.transport(client, name: name, fileSystem)
      members.append(Member(settings: settings, transport: transport))
    }
    self.members = members
    self.profiles = profiles.isEmpty ? [BatchProfile(externalLabels: [])] : profiles
    bodyBytesMax = clients.map(\.batchSize).min() ?? 1 << 20
    batchWaitSeconds = clients.map(\.batchWait.seconds).min() ?? 1
  }

  /// The host and port of the URL where the client has no name.
  private static func name(of client: ClientConfiguration) -> String {
    if !client.name.isEmpty { return client.name }
    let rest = client.url.split(separator: "/", omittingEmptySubsequences: true).dropFirst()
    let authority = rest.first ?? "server"
    return String(authority.split(separator: "@").last ?? authority)
  }

  private static func transport(
    _ client: ClientConfiguration, name: String, _ fileSystem: any FileSystem
  ) throws(AgentError) -> any PushTransport {
    let compression: PushCompression = client.compression == .zstd ? .zstd : .snappy
    let first = try transport(
      client.http, url: client.url, timeout: client.timeout, compression, name: name, fileSystem)
    guard !client.fallbacks.isEmpty else { return first }
    var members = [first]
    for fallback in client.fallbacks {
      members.append(
        try transport(
          fallback.http, url: fallback.url, timeout: fallback.timeout, compression, name: name,
          fileSystem))
    }
    return FailoverTransport(
      members, names: [client.url] + client.fallbacks.map(\.url),
      failoverSeconds: client.fallbackAfter.seconds, probeSeconds: client.fallbackRetry.seconds)
  }

  private static func transport(
    _ http: ClientHTTPConfiguration, url: String, timeout: TimeSpan,
    _ compression: PushCompression, name: String, _ fileSystem: any FileSystem
  ) throws(AgentError) -> HTTPPushTransport {
    var configuration = connection(http.tls, proxyURL: http.proxyURL, timeout: timeout)
    configuration.followsRedirects = http.followRedirects
    var headers = http.headers.map { (name: $0.name, value: $0.value) }
    var tokens: OAuth2Tokens?
    if let basic = http.basicAuth {
      let password =
        basic.passwordFile.isEmpty
        ? basic.password : try secret(basic.passwordFile, client: name, fileSystem)
      configuration.authorization = .basic(user: basic.username, password: password)
    } else if let other = http.authorization {
      let credentials =
        other.credentialsFile.isEmpty
        ? other.credentials : try secret(other.credentialsFile, client: name, fileSystem)
      if other.type.lowercased() == "bearer" {
        configuration.authorization = .bearer(token: credentials)
      } else {
        headers.append((name: "authorization", value: "\(other.type) \(credentials)"))
      }
    } else if let oauth2 = http.oauth2 {
      tokens = try self.tokens(oauth2, name: name, fileSystem)
    }
    do throws(HTTPClientError) {
      return HTTPPushTransport(
        client: try HTTPClient(configuration), url: url, headers: headers,
        timeoutSeconds: timeout.seconds, tokens: tokens, compression: compression)
    } catch {
      throw AgentError("client \(name): \(error.message)")
    }
  }

  private static func tokens(
    _ oauth2: OAuth2, name: String, _ fileSystem: any FileSystem
  ) throws(AgentError) -> OAuth2Tokens {
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
          connection(oauth2.tls, proxyURL: oauth2.proxyURL, timeout: .seconds(30))))
    } catch {
      throw AgentError("client \(name): oauth2: \(error.message)")
    }
  }

  private static func connection(_ tls: ClientTLS, proxyURL: String, timeout: TimeSpan)
    -> HTTPClientConfiguration
  {
    var configuration = HTTPClientConfiguration()
    configuration.timeoutSeconds = timeout.seconds
    configuration.responseBytesMax = 1 << 20
    configuration.userAgent = "sluice-agent"
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
  ) throws(AgentError) -> String {
    do throws(SystemError) {
      let bytes = try fileSystem.readWhole(path, bytesMax: 64 << 10)
      let text = String(decoding: bytes, as: UTF8.self)
      return String(text.reversed().drop { $0.isNewline }.reversed())
    } catch {
      throw AgentError("client \(client): its secret cannot be read: \(error.message)")
    }
  }
}
