import WireFormats

/// Where a listener waits: `host:port`.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
  /// A name, an IPv4 or an IPv6 address without brackets; empty for every address of the host.
  package var host: String
  /// 0 lets the system choose.
  package var port: UInt16

  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Reads `host:port`, `:port` or `[::1]:port`; nil for anything else.
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }),
      let port = UInt16(digits)
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
      guard host.contains(":") else { return nil }
    } else if host.contains(":") || host.contains("[") || host.contains("]") {
      return nil
    }
    guard host.allSatisfy({ !$0.isWhitespace && $0 != "/" }) else { return nil }
    self.init(host: String(host), port: port)
  }

  /// As it is written: `[::1]:3100`.
  package var description: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}

/// The server's listeners; nil for one that is `off`.
package struct ListenAddresses: Hashable, Sendable {
  package var loki: ListenAddress? = .local(3100)
  package var otlpGRPC: ListenAddress? = .local(4317)
  package var otlpHTTP: ListenAddress? = .local(4318)
  package var zipkin: ListenAddress? = .local(9411)
  package var jaegerHTTP: ListenAddress? = .local(14268)
  /// UDP.
  package var jaegerCompact: ListenAddress? = .local(6831)
  /// UDP.
  package var jaegerBinary: ListenAddress? = .local(6832)
  package var jaegerQuery: ListenAddress? = .local(16686)
  package var tempo: ListenAddress? = .local(3200)

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    self.init()
    try section.read("loki", &loki)
    try section.read("otlp_grpc", &otlpGRPC)
    try section.read("otlp_http", &otlpHTTP)
    try section.read("zipkin", &zipkin)
    try section.read("jaeger_http", &jaegerHTTP)
    try section.read("jaeger_compact", &jaegerCompact)
    try section.read("jaeger_binary", &jaegerBinary)
    try section.read("jaeger_query", &jaegerQuery)
    try section.read("tempo", &tempo)
    try section.finish()
  }
}

extension ListenAddress {
  static func local(_ port: UInt16) -> ListenAddress {
    ListenAddress(host: "127.0.0.1", port: port)
  }
}

extension SettingSection {
  /// An address to listen on, or nil for `off`.
  mutating func read(_ key: String, _ value: inout ListenAddress?) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    if scalar.text == "off" || scalar.boolValue == false {
      value = nil
      return
    }
    guard let address = ListenAddress(scalar.text) else {
      throw error(
        key,
        "must be `off` or an address such as 127.0.0.1:3100, :3100 or [::1]:3100,"
          + " not `\(scalar.text)`", at: .scalar(scalar))
    }
    value = address
  }
}
