import Bytes

/// sprig's functions for paths, addresses, digests, chance and versions.
enum SprigPaths {
  private static func text(_ change: @escaping @Sendable (String) -> String) -> TemplateFunction {
    TemplateFunction(.string) { (arguments) in .string(change(arguments[0].text)) }
  }

  static var table: TemplateFunctions {
    var table = TemplateFunctions()
    let paths: [(String, TemplateFunction)] = [
      ("base", text(base)), ("dir", text(folder)), ("clean", text(clean)), ("ext", text(ending)),
      ("isAbs", TemplateFunction(.string) { .bool($0[0].text.hasPrefix("/")) }),
    ]
    for (name, function) in paths {
      table[name] = function
      table["os" + name.prefix(1).uppercased() + name.dropFirst()] = function
    }
    table["sha512sum"] = text { Hex.encode(WideDigests.sha512(Array($0.utf8))) }
    table["b32dec"] = text(base32Decoded)
    table["urlParse"] = TemplateFunction(.string) { (arguments) throws(TemplateCallError) in
      .map(try URLParts(arguments[0].text).map)
    }
    table["urlJoin"] = TemplateFunction(.map) { (arguments) in
      guard case .map(let map) = arguments[0] else { return .string("") }
      return .string(URLParts(map).text)
    }
    table.merge(chance)
    table.merge(Versions.table)
    return table
  }

  // MARK: Paths

  /// Go's `path.Clean`.
  private static func clean(_ path: String) -> String {
    let isAbsolute = path.hasPrefix("/")
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." {
        if let last = parts.last, last != ".." {
          parts.removeLast()
        } else if !isAbsolute {
          parts.append(part)
        }
      } else {
        parts.append(part)
      }
    }
    let joined = parts.joined(separator: "/")
    if isAbsolute { return "/" + joined }
    return joined.isEmpty ? "." : joined
  }

  private static func base(_ path: String) -> String {
    if path.isEmpty { return "." }
    return path.split(separator: "/").last.map(String.init) ?? "/"
  }

  private static func folder(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return clean(String(path[...slash]))
  }

  private static func ending(_ path: String) -> String {
    let name = path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    return name.lastIndex(of: ".").map { String(name[$0...]) } ?? ""
  }

  // MARK: Encodings

  private static func base32Decoded(_ text: String) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
    let bytes = text.utf8.filter { $0 != 0x0a && $0 != 0x0d }
    let body = bytes.prefix { $0 != UInt8(ascii: "=") }
    var out: [UInt8] = []
    var bits: UInt64 = 0
    var count = 0
    for (index, byte) in body.enumerated() {
      guard let value = alphabet.firstIndex(of: byte) else {
        return "illegal base32 data at input byte \(index)"
      }
      bits = bits << 5 | UInt64(value)
      count += 5
      guard count >= 8 else { continue }
      count -= 8
      out.append(UInt8(truncatingIfNeeded: bits >> UInt64(count)))
    }
    guard bytes.count % 8 == 0, bytes.count - body.count <= 6 else {
      return "illegal base32 data at input byte \(body.count)"
    }
    return String(decoding: out, as: UTF8.self)
  }

  // MARK: Chance

  private static var chance: TemplateFunctions {
    let digits = Array("0123456789".utf8)
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    var table = TemplateFunctions()
    func random(_ alphabet: [UInt8]) -> TemplateFunction {
      TemplateFunction(.int) { (arguments) throws(TemplateCallError) in
        let count = Conversions.integer(arguments[0])
        try TextBounds.check(1, count)
        let all = (0..<max(0, count)).compactMap { _ in alphabet.randomElement() }
        return .string(String(decoding: all, as: UTF8.self))
      }
    }
    table["randAlphaNum"] = random(digits + letters)
    table["randAlpha"] = random(letters)
    table["randNumeric"] = random(digits)
    table["randAscii"] = random(Array(32...126))
    table["randBytes"] = TemplateFunction(.int) { (arguments) throws(TemplateCallError) in
      let count = Conversions.integer(arguments[0])
      try TextBounds.check(2, count)
      let bytes = (0..<max(0, count)).map { _ in UInt8.random(in: 0...255) }
      return .string(Base64.encode(bytes))
    }
    table["randInt"] = TemplateFunction(.int, .int) { (arguments) throws(TemplateCallError) in
      let (low, high) = (Conversions.integer(arguments[0]), Conversions.integer(arguments[1]))
      guard low < high else { throw TemplateCallError("invalid argument to Intn") }
      return .int(Int.random(in: low..<high))
    }
    table["uuidv4"] = TemplateFunction { _ in
      var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
      bytes[6] = bytes[6] & 0x0f | 0x40
      bytes[8] = bytes[8] & 0x3f | 0x80
      let hex = Array(Hex.encode(bytes))
      let cuts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
      return .string(cuts.map { String(hex[$0]) }.joined(separator: "-"))
    }
    return table
  }
}

/// A URL as sprig takes it apart.
struct URLParts {
  private static let names = [
    "scheme", "userinfo", "host", "hostname", "path", "query", "opaque", "fragment",
  ]
  private var parts: [String: String] = [:]

  init(_ map: TemplateMap) {
    for name in URLParts.names { parts[name] = map[name]?.text ?? "" }
  }

  init(_ text: String) throws(TemplateCallError) {
    for name in URLParts.names { parts[name] = "" }
    guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
      throw TemplateCallError("unable to parse url: invalid control character in URL")
    }
    var rest = Substring(text)
    if let hash = rest.firstIndex(of: "#") {
      parts["fragment"] = String(rest[rest.index(after: hash)...])
      rest = rest[..<hash]
    }
    if let question = rest.firstIndex(of: "?") {
      parts["query"] = String(rest[rest.index(after: question)...])
      rest = rest[..<question]
    }
    if let colon = rest.firstIndex(of: ":"), URLParts.isScheme(rest[..<colon]) {
      parts["scheme"] = rest[..<colon].lowercased()
      rest = rest[rest.index(after: colon)...]
      if !rest.hasPrefix("/") {
        parts["opaque"] = String(rest)
        return
      }
    }
    if rest.hasPrefix("//") {
      rest = rest.dropFirst(2)
      let authority = rest.prefix { $0 != "/" }
      rest = rest[authority.endIndex...]
      takeAuthority(authority)
    }
    parts["path"] = String(rest)
  }

  private mutating func takeAuthority(_ text: Substring) {
    var host = text
    if let at = text.lastIndex(of: "@") {
      parts["userinfo"] = String(text[..<at])
      host = text[text.index(after: at)...]
    }
    parts["host"] = String(host)
    var name = host
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      name = host[..<end].dropFirst()
    } else if let colon = host.lastIndex(of: ":") {
      name = host[..<colon]
    }
    parts["hostname"] = String(name)
  }

  private static func isScheme(_ text: Substring) -> Bool {
    guard let first = text.utf8.first, (0x61...0x7a).contains(first | 0x20) else { return false }
    return text.utf8.allSatisfy { byte in
      (0x61...0x7a).contains(byte | 0x20) || (0x30...0x39).contains(byte)
        || "+-.".utf8.contains(byte)
    }
  }

  var map: TemplateMap {
    TemplateMap(URLParts.names.map { ($0, .string(parts[$0] ?? "")) })
  }

  var text: String {
    func part(_ name: String) -> String { parts[name] ?? "" }
    var out = part("scheme").isEmpty ? "" : part("scheme") + ":"
    if !part("opaque").isEmpty {
      out += part("opaque")
    } else {
      if !part("scheme").isEmpty || !part("host").isEmpty || !part("userinfo").isEmpty {
        if !part("host").isEmpty || !part("userinfo").isEmpty || part("path").hasPrefix("//") {
          out += "//"
        }
        if !part("userinfo").isEmpty { out += part("userinfo") + "@" }
        out += part("host")
      }
      let path = part("path")
      if !path.isEmpty, !path.hasPrefix("/"), !part("host").isEmpty { out += "/" }
      out += path
    }
    if !part("query").isEmpty { out += "?" + part("query") }
    if !part("fragment").isEmpty { out += "#" + part("fragment") }
    return out
  }
}
