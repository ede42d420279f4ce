import Bytes
import Configuration
import Delivery
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
    do throws(DeliveryError) {
      return try HTTPPushTransport(
        http, url: url, timeout: timeout, compression: compression, client: name,
        userAgent: "sluice-agent", fileSystem: fileSystem)
    } catch {
      throw AgentError(error.message)
    }
  }
}
