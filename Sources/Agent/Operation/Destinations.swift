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
    var transport: HTTPPushTransport
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
  ) throws(AgentError) -> HTTPPushTransport {
    var configuration = HTTPClientConfiguration()
    configuration.timeoutSeconds = client.timeout.seconds
    configuration.responseBytesMax = 1 << 20
    configuration.followsRedirects = client.http.followRedirects
    configuration.userAgent = "sluice-agent"
    configuration.proxyURL = client.http.proxyURL.isEmpty ? nil : client.http.proxyURL
    let tls = client.http.tls
    configuration.tls.authorityPath = tls.caFile.isEmpty ? nil : tls.caFile
    configuration.tls.certificatePath = tls.certificateFile.isEmpty ? nil : tls.certificateFile
    configuration.tls.keyPath = tls.keyFile.isEmpty ? nil : tls.keyFile
    configuration.tls.serverName = tls.serverName.isEmpty ? nil : tls.serverName
    configuration.tls.skipsVerification = tls.insecureSkipVerify
    var headers = client.http.headers.map { (name: $0.name, value: $0.value) }
    if let basic = client.http.basicAuth {
      let password =
        basic.passwordFile.isEmpty
        ? basic.password : try secret(basic.passwordFile, client: name, fileSystem)
      configuration.authorization = .basic(user: basic.username, password: password)
    } else if let other = client.http.authorization {
      let credentials =
        other.credentialsFile.isEmpty
        ? other.credentials : try secret(other.credentialsFile, client: name, fileSystem)
      if other.type.lowercased() == "bearer" {
        configuration.authorization = .bearer(token: credentials)
      } else {
        headers.append((name: "authorization", value: "\(other.type) \(credentials)"))
      }
    } else if client.http.oauth2 != nil {
      throw AgentError(
        "client \(name): oauth2 is not supported yet; use basic_auth or a bearer token")
    }
    do throws(HTTPClientError) {
      return HTTPPushTransport(
        client: try HTTPClient(configuration), url: client.url, headers: headers,
        timeoutSeconds: client.timeout.seconds)
    } catch {
      throw AgentError("client \(name): \(error.message)")
    }
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
