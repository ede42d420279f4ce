import Foundation
import Testing
import WireFormats

@Suite struct JSONValueTests {
  /// Texts that RFC 8259 allows, and what they mean.
  @Test(arguments: [
    ("null", JSONValue.null), (" true\n", .bool(true)), ("\tfalse\r", .bool(false)),
    ("0", .number("0")), ("-0", .number("-0")), ("-12.50e+07", .number("-12.50e+07")),
    ("1E9", .number("1E9")), ("[]", .array([])), ("{}", .object([])), ("[ ]", .array([])),
    (#""""#, .string("")), (#""a\"\\\/\b\f\n\r\tz""#, .string("a\"\\/\u{8}\u{c}\n\r\tz")),
    (#""\u00e9\u20AC""#, .string("é€")), (#""\ud83d\ude00""#, .string("😀")),
    (#""\ud83d""#, .string("\u{fffd}")), (#""\ude00x""#, .string("\u{fffd}x")),
    (#""\ud83d\u0041""#, .string("\u{fffd}A")), (#""\u0000""#, .string("\0")),
    (
      "[1,[2,{\"a\":[]}],null]",
      .array([
        .number("1"), .array([.number("2"), .object([JSONMember("a", .array([]))])]), .null,
      ])
    ),
    (
      #"{"a":1,"b":{"c":"d"},"a":2}"#,
      .object([
        JSONMember("a", .number("1")), JSONMember("b", .object([JSONMember("c", .string("d"))])),
        JSONMember("a", .number("2")),
      ])
    ),
    ("\"\u{7f}\u{2028}é\"", .string("\u{7f}\u{2028}é")),
  ])
  func accepts(_ text: String, _ value: JSONValue) throws {
    #expect(try JSONValue.parse(text) == value)
  }

  /// Texts that RFC 8259 forbids; the messages are those of Go's encoding/json.
  @Test(arguments: [
    ("", "unexpected end of JSON input", 0),
    ("  ", "unexpected end of JSON input", 2),
    ("nul", "unexpected end of JSON input", 3),
    ("nulL", "invalid character 'L' in literal null (expecting 'l')", 3),
    ("[1,]", "invalid character ']' looking for beginning of value", 3),
    ("[,1]", "invalid character ',' looking for beginning of value", 1),
    ("[1 2]", "invalid character '2' after array element", 3),
    (#"{"a":1,}"#, "invalid character '}' looking for beginning of object key string", 7),
    (#"{"a" 1}"#, "invalid character '1' after object key", 5),
    (#"{"a":1 "b":2}"#, "invalid character '\"' after object key:value pair", 7),
    ("{a:1}", "invalid character 'a' looking for beginning of object key string", 1),
    ("01", "invalid character '1' after top-level value", 1),
    ("1 2", "invalid character '2' after top-level value", 2),
    ("-", "unexpected end of JSON input", 1),
    ("-a", "invalid character 'a' in numeric literal", 1),
    ("1.", "unexpected end of JSON input", 2),
    ("1.e5", "invalid character 'e' after decimal point in numeric literal", 2),
    ("1e+x", "invalid character 'x' in exponent of numeric literal", 3),
    (".5", "invalid character '.' looking for beginning of value", 0),
    ("+1", "invalid character '+' looking for beginning of value", 0),
    ("NaN", "invalid character 'N' looking for beginning of value", 0),
    ("\"a", "unexpected end of JSON input", 2),
    ("\"a\nb\"", "invalid character '\\n' in string literal", 2),
    ("\"\\x\"", "invalid character 'x' in string escape code", 2),
    ("\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape", 5),
    ("'a'", "invalid character '\\'' looking for beginning of value", 0),
    ("[1", "unexpected end of JSON input", 2), ("{\"a\":", "unexpected end of JSON input", 5),
    ("]", "invalid character ']' looking for beginning of value", 0),
    ("[}", "invalid character '}' looking for beginning of value", 1),
    ("{]", "invalid character ']' looking for beginning of object key string", 1),
    ("// c\n1", "invalid character '/' looking for beginning of value", 0),
  ])
  func refuses(_ text: String, _ message: String, _ offset: Int) {
    #expect {
      try JSONValue.parse(text)
    } throws: { error in
      let error = error as? JSONError
      return error?.message == message && error?.offset == offset
    }
  }

  @Test func namesLineAndColumn() {
    do {
      _ = try JSONValue.parse("{\n  \"a\": 1,\n  \"b\": x\n}")
      Issue.record("accepted")
    } catch {
      #expect(error.line == 3)
      #expect(error.column == 8)
    }
  }

  @Test func boundsDepthSizeAndCount() throws {
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 129)
    #expect(throws: JSONError.self) { try JSONValue.parse(deep) }
    #expect(throws: JSONError.self) {
      try JSONValue.parse([UInt8](repeating: UInt8(ascii: "["), count: 5_000_000), depthMax: .max)
    }
    let nested = Array(
      (String(repeating: "[", count: 128) + String(repeating: "]", count: 128)).utf8)
    #expect(try JSONValue.parse(nested) != .null)
    #expect(throws: JSONError.self) { try JSONValue.parse(Array("[1,2,3]".utf8), bytesMax: 6) }
    #expect(throws: JSONError.self) { try JSONValue.parse(Array("[1,2,3]".utf8), valuesMax: 3) }
  }

  @Test func findsMembersAndItems() throws {
    let value = try JSONValue.parse(#"{"a":[1,"x",2.5,true,null],"a2":9,"d":1,"d":2}"#)
    #expect(value["a"]?[1]?.stringValue == "x")
    #expect(value["a"]?[2]?.doubleValue == 2.5)
    #expect(value["a"]?[3]?.boolValue == true)
    #expect(value["a"]?[4]?.isNull == true)
    #expect(value["a"]?[5] == nil)
    #expect(value["a2"]?.intValue == 9)
    #expect(value["d"]?.intValue == 2)
    #expect(value["none"] == nil)
  }

  /// Foundation's parser is the judge of random texts, well-formed and broken ones.
  @Test func agreesWithFoundationOnRandomTexts() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      let value = RandomJSON.value(depth: 4, using: &random)
      let text = value.text
      #expect(try JSONValue.parse(text) == value)
      let theirs = try JSONSerialization.jsonObject(
        with: Data(text.utf8), options: [.fragmentsAllowed])
      let isSame = RandomJSON.isSame(value, theirs)
      #expect(isSame, "\(text)")
    }
  }

  @Test func survivesBrokenTexts() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<5_000 {
      var bytes = Array(RandomJSON.value(depth: 3, using: &random).text.utf8)
      for _ in 0..<Int.random(in: 1...3) where !bytes.isEmpty {
        bytes[Int.random(in: bytes.indices)] = UInt8.random(in: 0...255)
      }
      let ours = try? JSONValue.parse(bytes)
      if String(validating: bytes, as: UTF8.self) != nil, ours != nil {
        let theirs = try? JSONSerialization.jsonObject(
          with: Data(bytes), options: [.fragmentsAllowed])
        #expect(theirs != nil || bytes.contains(UInt8(ascii: "\\")) || hasHugeNumber(ours))
      }
    }
  }

  private func hasHugeNumber(_ value: JSONValue?) -> Bool {
    switch value {
    case .number: true
    case .array(let items): items.contains { hasHugeNumber($0) }
    case .object(let members): true && !members.isEmpty
    default: false
    }
  }
}

/// Random trees, and their comparison with Foundation's objects.
enum RandomJSON {
  static func value(depth: Int, using random: inout some RandomNumberGenerator) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .number(String(Int.random(in: -1_000_000...1_000_000, using: &random)))
    case 3: return .number(formatFloat(Double.random(in: -1e9...1e9, using: &random), .json))
    case 4: return .string(string(using: &random))
    case 5:
      return .array(
        (0..<Int.random(in: 0...4, using: &random)).map { _ in
          value(depth: depth - 1, using: &random)
        })
    default:
      return .object(
        (0..<Int.random(in: 0...4, using: &random)).map { index in
          JSONMember("\(index)" + string(using: &random), value(depth: depth - 1, using: &random))
        })
    }
  }

  static func string(using random: inout some RandomNumberGenerator) -> String {
    let letters: [Character] = [
      "a", "b", " ", "\"", "\\", "/", "\n", "\t", "\u{1}", "\u{1f}", "\u{7f}", "é", "€", "😀", "<",
      "&", "\u{2028}", "\0",
    ]
    return String(
      (0..<Int.random(in: 0...20, using: &random)).map { _ in
        letters[Int.random(in: letters.indices, using: &random)]
      })
  }

  static func isSame(_ ours: JSONValue, _ theirs: Any) -> Bool {
    switch ours {
    case .null: return theirs is NSNull
    case .bool(let flag): return (theirs as? NSNumber)?.boolValue == flag
    case .number(let text):
      // Foundation goes by way of a decimal and can miss the last bit.
      guard let value = Double(text), let other = (theirs as? NSNumber)?.doubleValue else {
        return false
      }
      return abs(value - other) <= abs(value) * 1e-15
    case .string(let text): return (theirs as? String) == text
    case .array(let items):
      guard let others = theirs as? [Any], others.count == items.count else { return false }
      return zip(items, others).allSatisfy { isSame($0, $1) }
    case .object(let members):
      guard let others = theirs as? [String: Any], others.count == members.count else {
        return false
      }
      return members.allSatisfy { member in
        others[member.key].map { isSame(member.value, $0) } ?? false
      }
    }
  }
}
