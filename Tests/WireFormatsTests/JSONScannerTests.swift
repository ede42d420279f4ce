import Testing
import WireFormats

@Suite struct JSONScannerTests {
  private func scan<T>(_ text: String, _ body: (inout JSONScanner) throws -> T) rethrows -> T {
    try Array(text.utf8).withUnsafeBytes { bytes in
      var scanner = JSONScanner(bytes)
      return try body(&scanner)
    }
  }

  @Test func yieldsTokensAndSlices() throws {
    try scan(#" {"k\n" : [-1.5e3, "plain", "\u0041", true, null]} "#) { scanner in
      #expect(try scanner.next() == .beginObject)
      guard case .key(let key) = try scanner.next() else { return #expect(Bool(false)) }
      #expect(key.hasEscapes)
      #expect(scanner.string(key) == "k\n")
      #expect(scanner.equals(key, "k\n"))
      #expect(try scanner.next() == .beginArray)
      guard case .number(let number) = try scanner.next() else { return #expect(Bool(false)) }
      #expect(scanner.string(number) == "-1.5e3")
      guard case .string(let plain) = try scanner.next() else { return #expect(Bool(false)) }
      #expect(!plain.hasEscapes)
      #expect(scanner.equals(plain, "plain"))
      #expect(!scanner.equals(plain, "plain2"))
      guard case .string(let escaped) = try scanner.next() else { return #expect(Bool(false)) }
      #expect(scanner.string(escaped) == "A")
      #expect(try scanner.next() == .bool(true))
      #expect(try scanner.next() == .null)
      #expect(try scanner.next() == .endArray)
      #expect(try scanner.next() == .endObject)
      #expect(try scanner.next() == .end)
      #expect(try scanner.next() == .end)
    }
  }

  @Test(arguments: [
    "1", "\"a\\\"b\"", "[1,[2],{\"a\":3}]", "{}", "true", "false", "null", "[]", "-0.5e1",
    "{\"a\":{\"b\":[{}]}}",
  ])
  func skipsValuesWhole(_ value: String) throws {
    try scan("{\"x\": \(value) , \"y\":[\(value),1]}") { scanner in
      _ = try scanner.next()
      _ = try scanner.next()
      #expect(scanner.string(try scanner.skipValue()) == value)
      _ = try scanner.next()
      #expect(try scanner.next() == .beginArray)
      #expect(scanner.string(try scanner.skipValue()) == value)
      #expect(scanner.string(try scanner.skipValue()) == "1")
      #expect(try scanner.skipValue().isEmpty)
      #expect(try scanner.next() == .endObject)
      try scanner.finish()
    }
    try scan(" \(value) ") { scanner in
      #expect(scanner.string(try scanner.skipValue()) == value)
      try scanner.finish()
    }
  }

  /// The kinds of open containers are kept in words of 64: beyond, between and back again.
  @Test func remembersKindsOfDeepContainers() throws {
    for depth in [1, 63, 64, 65, 127, 128, 129, 200] {
      let isObject = (0..<depth).map { _ in Bool.random() }
      let text =
        isObject.map { $0 ? "{\"a\":" : "[" }.joined() + "1"
        + isObject.reversed().map { $0 ? "}" : "]" }.joined()
      try scan(text) { scanner in
        #expect(scanner.string(try scanner.skipValue()) == text)
        try scanner.finish()
      }
      let wrong =
        isObject.map { $0 ? "{\"a\":" : "[" }.joined() + "1"
        + isObject.reversed().map { $0 ? "]" : "}" }.joined()
      #expect(throws: JSONError.self) { try scan(wrong) { try $0.skipValue() } }
    }
  }

  @Test func findsQuotesAtEveryAlignment() throws {
    for length in 0..<40 {
      for special in ["\\\"", "\\\\", "é", "\u{7f}", "\\n"] {
        for at in 0...length {
          let body =
            String(repeating: "x", count: at) + special + String(repeating: "y", count: length - at)
          try scan("\"\(body)\"") { scanner in
            guard case .string(let text) = try scanner.next() else { return #expect(Bool(false)) }
            #expect(scanner.string(text.range) == body)
            try scanner.finish()
          }
        }
      }
    }
  }
}
