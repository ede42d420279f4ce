import Bytes
import Regex
import TelemetryModel

/// Promtail's and sprig's digests and encodings, and sprig's other functions for texts and times.
enum DigestFunctions {
  private static func digest(
    _ body: @escaping @Sendable ([UInt8]) -> [UInt8]
  ) -> TemplateFunction {
    TemplateFunction(.string) { (arguments) in
      .string(Hex.encode(body(Array(arguments[0].text.utf8))))
    }
  }

  private static func salted(
    _ body: @escaping @Sendable ([UInt8]) -> [UInt8]
  ) -> TemplateFunction {
    TemplateFunction(.string, .string) { (arguments) in
      .string(Hex.encode(body(Array((arguments[0].text + arguments[1].text).utf8))))
    }
  }

  static var table: TemplateFunctions {
    var table = TemplateFunctions()
    table["Hash"] = salted(Digests.sha3)
    table["Sha2Hash"] = salted(Digests.sha256)
    table["sha1sum"] = digest(Digests.sha1)
    table["sha256sum"] = digest(Digests.sha256)
    table["adler32sum"] = TemplateFunction(.string) { (arguments) in
      .string(String(Digests.adler32(Array(arguments[0].text.utf8))))
    }
    table["b32enc"] = TemplateFunction(.string) { (arguments) in
      .string(base32(Array(arguments[0].text.utf8)))
    }
    return table
  }

  /// RFC 4648 with padding.
  private static func base32(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
    var out: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 5) {
      let group = bytes[start..<min(start + 5, bytes.count)]
      let bits = group.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } << UInt64(8 * (5 - group.count))
      let used = (group.count * 8 + 4) / 5
      for index in 0..<8 {
        let value = Int(bits >> UInt64(35 - index * 5)) & 31
        out.append(index < used ? alphabet[value] : UInt8(ascii: "="))
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}

/// sprig's functions for regular expressions.
enum MatchFunctions {
  static var table: TemplateFunctions {
    var table = TemplateFunctions()
    table["regexMatch"] = TemplateFunction(.string, .string) {
      (arguments) throws(TemplateCallError) in
      .bool(try RegexFunctions.compiled(arguments[0].text).matches(arguments[1].text))
    }
    table["regexFind"] = TemplateFunction(.string, .string) {
      (arguments) throws(TemplateCallError) in
      .string(try found(arguments[0].text, arguments[1].text).first ?? "")
    }
    table["regexFindAll"] = TemplateFunction(.string, .string, .int) {
      (arguments) throws(TemplateCallError) in
      let all = try found(arguments[0].text, arguments[1].text)
      let count = Conversions.integer(arguments[2])
      return .list(all.prefix(count < 0 ? all.count : count).map { .string($0) })
    }
    return table
  }

  private static func found(_ pattern: String, _ text: String) throws(TemplateCallError)
    -> [String]
  {
    let bytes = Array(text.utf8)
    return RegexFunctions.matches(try RegexFunctions.compiled(pattern), bytes).compactMap {
      $0[0].map { String(decoding: bytes[$0], as: UTF8.self) }
    }
  }
}
