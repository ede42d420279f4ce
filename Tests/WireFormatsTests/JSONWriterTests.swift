import Testing
import WireFormats

@Suite struct JSONWriterTests {
  @Test func placesCommas() {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("a")
    writer.int(-1)
    writer.key("b")
    writer.beginArray()
    writer.uint(.max)
    writer.double(0.5)
    writer.bool(true)
    writer.null()
    writer.beginArray()
    writer.endArray()
    writer.quotedInt(.min)
    writer.raw("{}".utf8)
    writer.endArray()
    writer.key("c")
    writer.beginObject()
    writer.endObject()
    writer.endObject()
    #expect(
      String(decoding: writer.bytes, as: UTF8.self)
        == #"{"a":-1,"b":[18446744073709551615,0.5,true,null,[],"-9223372036854775808",{}],"c":{}}"#
    )
  }

  /// Expected forms are those of Go 1.22's encoding/json with SetEscapeHTML(false).
  @Test(arguments: [
    ("plain", #""plain""#), ("a\"b\\c", #""a\"b\\c""#), ("\u{8}\u{c}\n\r\t", #""\b\f\n\r\t""#),
    ("\u{0}\u{1f}\u{7f}", "\"\\u0000\\u001f\u{7f}\""), ("<é&>", #""<é&>""#), ("", #""""#),
  ])
  func escapes(_ text: String, _ json: String) {
    var writer = JSONWriter()
    writer.string(text)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == json)
    writer.bytes = []
    var other = JSONWriter()
    other.string(bytes: Array(text.utf8))
    #expect(String(decoding: other.bytes, as: UTF8.self) == json)
  }

  @Test func escapesForHTML() {
    var writer = JSONWriter()
    writer.escapesHTML = true
    writer.string("<é&>\u{2028}\u{2029}€")
    #expect(
      String(decoding: writer.bytes, as: UTF8.self)
        == "\"\\u003cé\\u0026\\u003e\\u2028\\u2029€\"")
  }

  /// One U+FFFD for each byte that is not part of a sequence, as Go's utf8.DecodeRune has it.
  @Test(
    arguments: [
      ([0xff], 1), ([0xc3], 1), ([0xc3, 0x28], 1), ([0xe2, 0x82], 2), ([0xed, 0xa0, 0x80], 3),
      ([0xc0, 0xaf], 2), ([0xf4, 0x90, 0x80, 0x80], 4), ([0xf0, 0x9f, 0x98], 3), ([0x80, 0x80], 2),
    ] as [([UInt8], Int)])
  func repairs(_ bytes: [UInt8], _ replaced: Int) {
    var writer = JSONWriter()
    writer.string(bytes: bytes)
    let text = String(decoding: writer.bytes, as: UTF8.self)
    #expect(text.unicodeScalars.filter { $0 == "\u{fffd}" }.count == replaced)
    #expect(text.utf8.elementsEqual(writer.bytes))
  }
}

@Suite struct GoFloatTests {
  /// Results of Go's strconv.FormatFloat(x, 'f', -1, 64), 'g' and of encoding/json.
  @Test(
    arguments: [
      (0.0, "0", "0", "0"), (-0.0, "-0", "-0", "-0"), (1, "1", "1", "1"),
      (100_000, "100000", "100000", "100000"), (1e6, "1000000", "1e+06", "1000000"),
      (123_456_789, "123456789", "1.23456789e+08", "123456789"), (0.1, "0.1", "0.1", "0.1"),
      (0.0001, "0.0001", "0.0001", "0.0001"), (0.00001, "0.00001", "1e-05", "0.00001"),
      (1e-7, "0.0000001", "1e-07", "1e-7"), (1.5e-10, "0.00000000015", "1.5e-10", "1.5e-10"),
      (1e21, "1000000000000000000000", "1e+21", "1e+21"),
      (1e20, "100000000000000000000", "1e+20", "100000000000000000000"),
      (-2.5e-8, "-0.000000025", "-2.5e-08", "-2.5e-8"),
      (0.30000000000000004, "0.30000000000000004", "0.30000000000000004", "0.30000000000000004"),
      (
        1.7976931348623157e308, "17976931348623157" + String(repeating: "0", count: 292),
        "1.7976931348623157e+308", "1.7976931348623157e+308"
      ),
      (.leastNonzeroMagnitude, "0." + String(repeating: "0", count: 323) + "5", "5e-324", "5e-324"),
      (1234.5678, "1234.5678", "1234.5678", "1234.5678"),
      (.infinity, "+Inf", "+Inf", "+Inf"), (-.infinity, "-Inf", "-Inf", "-Inf"),
      (.nan, "NaN", "NaN", "NaN"),
    ] as [(Double, String, String, String)])
  func formats(_ value: Double, _ decimal: String, _ general: String, _ json: String) {
    #expect(formatFloat(value) == decimal)
    #expect(formatFloat(value, .general) == general)
    #expect(formatFloat(value, .json) == json)
  }

  @Test func readsBackTheSame() {
    for _ in 0..<5_000 {
      let value = Double(bitPattern: .random(in: 0...UInt64.max))
      guard value.isFinite else { continue }
      for form in [GoFloat.Form.decimal, .general, .json] {
        #expect(Double(formatFloat(value, form)) == value)
      }
    }
  }
}
