package import TelemetryModel

/// One server that lines are pushed to (an entry of Promtail's `clients`).
package struct ClientConfiguration: Sendable {
  /// `http` or `https`, with the path of the push endpoint.
  package var url = ""
  /// For metrics; empty takes the URL's host.
  package var name = ""
  /// Sent as `X-Scope-OrgID`; empty for none.
  package var tenantID = ""
  /// How long a batch may wait for more lines.
  package var batchWait = TimeSpan.seconds(1)
  /// Bytes of lines in a batch.
  package var batchSize = 1 << 20
  package var timeout = TimeSpan.seconds(10)
  package var backoff = BackoffConfiguration()
  /// Whether a batch that is answered 429 is given up instead of sent again.
  package var dropRateLimitedBatches = false
  /// Labels of every line, sorted by name; those that the line has win.
  package var externalLabels: [Label] = []
  package var http = ClientHTTPConfiguration()
  package var compression = PushCompressionName.snappy
  /// Servers that get what this one does not take, in order.
  package var fallbacks: [FallbackConfiguration] = []
  /// How long a server fails before the next one is used.
  package var fallbackAfter = TimeSpan.seconds(30)
  /// How often an earlier server is tried again.
  package var fallbackRetry = TimeSpan.minutes(1)

  package init(url: String) { self.url = url }

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("url", &url)
    try section.read("name", &name)
    try section.read("tenant_id", &tenantID)
    try section.read("batchwait", &batchWait)
    try section.readBytes("batchsize", &batchSize)
    try section.read("timeout", &timeout)
    if var inner = try section.section("backoff_config") {
      backoff = try BackoffConfiguration(&inner)
    }
    try section.read("drop_rate_limited_batches", &dropRateLimitedBatches)
    if var inner = try section.section("external_labels") {
      externalLabels = try inner.texts().map { Label($0.name, $0.value ?? "") }.sorted()
      inner.ignore([])
      for label in externalLabels where !LabelNames.isValid(label.name) {
        throw inner.error(label.name, "is no label name")
      }
    }
    try section.read("compression", &compression)
    for var inner in try section.sections("fallbacks") {
      fallbacks.append(try FallbackConfiguration(&inner))
    }
    try section.read("fallback_after", &fallbackAfter)
    try section.read("fallback_retry", &fallbackRetry)
    http = try ClientHTTPConfiguration(&section)
    try section.finish()
    guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
      throw section.error(
        "url", "must be an http or https address such as http://127.0.0.1:3100/loki/api/v1/push")
    }
    guard (1...256 << 20).contains(batchSize) else {
      throw section.error("batchsize", "must be between 1 and 256MB")
    }
    guard batchWait > .zero else { throw section.error("batchwait", "must be above 0s") }
  }
}

/// How push bodies are compressed on their way.
package enum PushCompressionName: String, CaseIterable, Hashable, Sendable {
  /// As Loki takes them.
  case snappy
  /// Smaller; only Sluice's server takes it.
  case zstd
}

/// A server that stands in for a client's own.
package struct FallbackConfiguration: Sendable {
  package var url = ""
  package var timeout = TimeSpan.seconds(10)
  package var http = ClientHTTPConfiguration()

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("url", &url)
    try section.read("timeout", &timeout)
    http = try ClientHTTPConfiguration(&section)
    try section.finish()
    guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
      throw section.error("url", "must be an http or https address")
    }
  }
}

/// How long to wait between attempts.
package struct BackoffConfiguration: Hashable, Sendable {
  package var minPeriod = TimeSpan.milliseconds(500)
  package var maxPeriod = TimeSpan.minutes(5)
  /// Attempts before a batch is given up; zero never gives up, which is the default here (it is
  /// 10 in Promtail).
  package var maxRetries = 0

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("min_period", &minPeriod)
    try section.read("max_period", &maxPeriod)
    try section.read("max_retries", &maxRetries)
    try section.finish()
    guard minPeriod > .zero else { throw section.error("min_period", "must be above 0s") }
    guard maxPeriod >= minPeriod else {
      throw section.error("max_period", "must be `min_period` at least")
    }
  }
}

/// How a client talks HTTP (Prometheus's `http_config`).
package struct ClientHTTPConfiguration: Hashable, Sendable {
  package var basicAuth: BasicAuth?
  /// The `Authorization` header's scheme and credentials.
  package var authorization: Authorization?
  package var oauth2: OAuth2?
  package var tls = ClientTLS()
  /// Headers added to every request, in order.
  package var headers: [Label] = []
  package var proxyURL = ""
  package var followRedirects = true
  package var enableHTTP2 = true

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    if var inner = try section.section("basic_auth") { basicAuth = try BasicAuth(&inner) }
    if var inner = try section.section("authorization") {
      authorization = try Authorization(&inner)
    }
    var token: String?
    var tokenFile: String?
    try section.read("bearer_token", &token)
    try section.read("bearer_token_file", &tokenFile)
    if token != nil || tokenFile != nil {
      guard authorization == nil else {
        throw section.error("authorization", "cannot stand beside a bearer token")
      }
      authorization = Authorization(
        type: "Bearer", credentials: token ?? "", credentialsFile: tokenFile ?? "")
    }
    if var inner = try section.section("oauth2") { oauth2 = try OAuth2(&inner) }
    if var inner = try section.section("tls_config") { tls = try ClientTLS(&inner) }
    if let inner = try section.section("headers") {
      headers = try inner.texts().map { Label($0.name, $0.value ?? "") }
    }
    try section.read("proxy_url", &proxyURL)
    try section.read("follow_redirects", &followRedirects)
    try section.read("enable_http2", &enableHTTP2)
    section.ignore(["no_proxy", "proxy_from_environment", "proxy_connect_header"])
    let ways = [basicAuth != nil, authorization != nil, oauth2 != nil].count { $0 }
    guard ways <= 1 else {
      throw section.error(
        basicAuth == nil ? "oauth2" : "basic_auth", "cannot stand beside another authentication")
    }
  }
}

/// Name and password of HTTP's basic authentication.
package struct BasicAuth: Hashable, Sendable {
  package var username = ""
  package var password = ""
  /// Read when connecting; empty for ``password``.
  package var passwordFile = ""

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("username", &username)
    try section.read("password", &password)
    try section.read("password_file", &passwordFile)
    section.ignore(["username_file"])
    try section.finish()
  }
}

/// Scheme and credentials of the `Authorization` header.
package struct Authorization: Hashable, Sendable {
  package var type = "Bearer"
  package var credentials = ""
  /// Read when connecting; empty for ``credentials``.
  package var credentialsFile = ""

  init(type: String, credentials: String, credentialsFile: String) {
    self.type = type
    self.credentials = credentials
    self.credentialsFile = credentialsFile
  }

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("type", &type)
    try section.read("credentials", &credentials)
    try section.read("credentials_file", &credentialsFile)
    try section.finish()
  }
}

/// OAuth 2.0's client credentials grant.
package struct OAuth2: Hashable, Sendable {
  package var clientID = ""
  package var clientSecret = ""
  package var clientSecretFile = ""
  package var scopes: [String] = []
  package var tokenURL = ""
  package var endpointParameters: [Label] = []
  package var tls = ClientTLS()
  package var proxyURL = ""

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("client_id", &clientID)
    try section.read("client_secret", &clientSecret)
    try section.read("client_secret_file", &clientSecretFile)
    try section.read("scopes", &scopes)
    try section.read("token_url", &tokenURL)
    try section.read("endpoint_params", &endpointParameters)
    if var inner = try section.section("tls_config") { tls = try ClientTLS(&inner) }
    try section.read("proxy_url", &proxyURL)
    try section.finish()
    guard !tokenURL.isEmpty else { throw section.error("token_url", "is needed for OAuth 2") }
  }
}

/// Whom a client believes, and its own certificate.
package struct ClientTLS: Hashable, Sendable {
  /// PEM; empty for the system's authorities.
  package var caFile = ""
  package var certificateFile = ""
  package var keyFile = ""
  /// The name that the server's certificate must be for; empty for the URL's host.
  package var serverName = ""
  package var insecureSkipVerify = false

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("ca_file", &caFile)
    try section.read("cert_file", &certificateFile)
    try section.read("key_file", &keyFile)
    try section.read("server_name", &serverName)
    try section.read("insecure_skip_verify", &insecureSkipVerify)
    section.ignore(["min_version", "max_version"])
    try section.finish()
  }
}
