import Bytes
import TelemetryModel
import WireFormats

/// Functions that turn texts into other forms: Base64, JSON, sizes, durations.
enum EncodingFunctions {
  static var table: TemplateFunctions {
    var table = TemplateFunctions()
    table["b64enc"] = TemplateFunction(.string) { (arguments) in
      .string(Base64.encode(Array(arguments[0].text.utf8)))
    }
    table["fromJson"] = TemplateFunction(.string) { (arguments) in
      (try? JSONValue.parse(arguments[0].text)).map(value) ?? .null
    }
    return table
  }

  /// sprig's wants the padding.
  static let base64Decode = TemplateFunction(.string) { (arguments) in
    .string(decoded(arguments[0].text))
  }

  /// Loki's adds what padding is missing.
  static let lenientBase64Decode = TemplateFunction(.string) { (arguments) in
    var text = arguments[0].text
    let rest = text.utf8.count % 4
    if rest > 1 { text += String(repeating: "=", count: 4 - rest) }
    return .string(decoded(text))
  }

  /// The bytes as text, or what is wrong, which is the function's answer then.
  private static func decoded(_ text: String) -> String {
    let bytes = text.utf8.filter { $0 != 0x0a && $0 != 0x0d }
    if bytes.count % 4 == 0, let data = try? Base64.decode(bytes) {
      return String(decoding: data, as: UTF8.self)
    }
    let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    let wrong = Array(text.utf8).firstIndex { !alphabet.contains($0) } ?? bytes.count / 4 * 4
    return "illegal base64 data at input byte \(wrong)"
  }

  /// JSON as Go's `encoding/json` gives it to an interface: numbers are floats.
  static func value(_ json: JSONValue) -> TemplateValue {
    switch json {
    case .null: .null
    case .bool(let flag): .bool(flag)
    case .number: .float(json.doubleValue ?? 0)
    case .string(let text): .string(text)
    case .array(let values): .list(values.map(value))
    case .object(let members): .map(TemplateMap(members.map { ($0.key, value($0.value)) }))
    }
  }

  /// Go's `time.ParseDuration` in seconds.
  static let duration = TemplateFunction(.string) { (arguments) throws(TemplateCallError) in
    do throws(TimeSpan.GoDurationError) {
      return .float(try TimeSpan(goDuration: arguments[0].text).seconds)
    } catch {
      throw TemplateCallError(error.message)
    }
  }
}
