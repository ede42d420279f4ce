import Bytes
import TelemetryModel

/// Reads the JSON bodies of pushes with the leniency and the errors that Loki shows: unknown
/// members are passed over, what follows the first object is ignored, a timestamp is a string.
struct PushJSONReader {
  private var json: JSONBytes

  init(_ bytes: UnsafeRawBufferPointer) { json = JSONBytes(bytes) }

  /// A malformed value within a stream, in the words of the parser that Loki uses.
  private enum Malformed: Error {
    case object, string, number, json, escape
    case label(LokiPushError)
    /// Another message, and where in the stream's bytes it was found.
    case at(String, Int)

    var message: String {
      switch self {
      case .object: "Value looks like object, but can't find closing '}' symbol"
      case .string, .escape: "Value is string, but can't find closing '\"' symbol"
      case .number:
        "Value looks like Number/Boolean/None, but can't find its end: ',' or '}' symbol"
      case .json: "Malformed JSON error"
      case .label(let error): error.message
      case .at(let message, _): message
      }
    }
  }

  // MARK: the envelope, the same in both versions

  mutating func readPush() throws(LokiPushError) -> LokiPush {
    var push = LokiPush()
    let context = "loghttp.PushRequest.Streams: []loghttp.LogProtoStream: "
    try readEnvelope(context) { (slice) throws(Malformed) in
      var reader = JSONBytes(slice)
      try Self.readStream(&reader, into: &push)
    }
    return push
  }

  mutating func readLegacyPush(cache: LabelCache) throws(LokiPushError) -> LokiPush {
    var push = LokiPush()
    try readEnvelope("push.PushRequest.Streams: []push.Stream: ") { (slice) throws(Malformed) in
      var reader = LegacyStreamReader(JSONBytes(slice))
      do {
        let (text, rows) = try reader.read(cache: cache)
        push.streams.append(rows)
        if let repeated = text.repeated {
          push.repeatedLabels.append(
            .init(stream: push.streams.count - 1, name: repeated.name, text: repeated.text))
        }
      } catch let error as LokiPushError {
        throw .label(error)
      } catch let fault as LegacyStreamReader.Fault {
        throw .at(fault.message, fault.position)
      } catch { throw .json }
    }
    return push
  }

  private mutating func readEnvelope(
    _ context: String, _ stream: (UnsafeRawBufferPointer) throws(Malformed) -> Void
  ) throws(LokiPushError) {
    guard let first = json.peek() else { throw LokiPushError("EOF") }
    guard first == UInt8(ascii: "{") else {
      if first == UInt8(ascii: "n") { return }
      throw error(
        "readObjectStart: expect { or n, but found \(Self.shown(first))", json.position + 1)
    }
    do {
      try json.expect(UInt8(ascii: "{"))
      if json.take(UInt8(ascii: "}")) { return }
      repeat {
        let key = try json.stringRange()
        try json.expect(UInt8(ascii: ":"))
        guard json.text(key).map({ $0.lowercased() == "streams" }) == true else {
          _ = try json.skipValue()
          continue
        }
        if let failure = try readStreams(context, stream) { throw failure }
      } while json.take(UInt8(ascii: ","))
      try json.expect(UInt8(ascii: "}"))
    } catch let fault as JSONBytes.Fault {
      throw malformed(fault, context)
    } catch let error as LokiPushError {
      throw error
    } catch {
      throw LokiPushError("Malformed JSON error")
    }
  }

  /// The array of streams; an error that is no fault of the syntax is returned.
  private mutating func readStreams(
    _ context: String, _ stream: (UnsafeRawBufferPointer) throws(Malformed) -> Void
  ) throws(JSONBytes.Fault) -> LokiPushError? {
    guard let first = json.peek() else { throw .end }
    guard first == UInt8(ascii: "[") else {
      let range = try json.skipValue()
      if json.equals(range, "null") { return nil }
      return error(
        "\(context)decode slice: expect [ or n, but found \(Self.shown(first))",
        range.lowerBound + 1)
    }
    try json.expect(UInt8(ascii: "["))
    if json.take(UInt8(ascii: "]")) { return nil }
    repeat {
      let range = try json.skipValue()
      do throws(Malformed) {
        try stream(UnsafeRawBufferPointer(rebasing: json.bytes[range]))
      } catch {
        if case .label(let refused) = error, refused.message.hasPrefix("couldn't") {
          return refused
        }
        if case .at(let message, let offset) = error {
          return self.error(context + message, range.lowerBound + offset)
        }
        return self.error("\(context)unmarshalerDecoder: \(error.message)", range.upperBound)
      }
    } while json.take(UInt8(ascii: ","))
    try json.expect(UInt8(ascii: "]"))
    return nil
  }

  // MARK: one stream

  private static func readStream(_ json: inout JSONBytes, into push: inout LokiPush)
    throws(Malformed)
  {
    var text = LabelText(labels: .none)
    var rows = StreamRows(labels: .none)
    do throws(JSONBytes.Fault) {
      try json.expect(UInt8(ascii: "{"))
    } catch { throw .object }
    do {
      if !json.take(UInt8(ascii: "}")) {
        repeat {
          let key = try json.stringRange()
          try json.expect(UInt8(ascii: ":"))
          if json.equals(key, "stream") {
            text = try readLabels(&json)
          } else if json.equals(key, "values") {
            try readValues(&json, into: &rows)
          } else {
            _ = try json.skipValue()
          }
        } while json.take(UInt8(ascii: ","))
        try json.expect(UInt8(ascii: "}"))
      }
    } catch let error as Malformed {
      throw error
    } catch { throw .json }
    rows.labels = text.labels
    push.streams.append(rows)
  }

  /// `{"name": "value"}`; a value that is no string counts as it is written.
  private static func readLabels(_ json: inout JSONBytes) throws -> LabelText {
    guard json.kind() == .object else { throw Malformed.object }
    var values: [ByteText: String] = [:]
    try json.expect(UInt8(ascii: "{"))
    if !json.take(UInt8(ascii: "}")) {
      repeat {
        let key = try json.stringRange()
        try json.expect(UInt8(ascii: ":"))
        let isString = json.kind() == .string
        let value = isString ? try json.stringRange() : try json.skipValue()
        guard let name = json.text(key), let text = json.text(value) else {
          throw Malformed.escape
        }
        values[name] = text
      } while json.take(UInt8(ascii: ","))
      try json.expect(UInt8(ascii: "}"))
    }
    let pairs = values.map { Label($0.key.text, $0.value) }.sorted()
    guard pairs.contains(where: { !isLabelName($0.name) }) else { return LabelText(pairs: pairs) }
    // Loki renders the labels and parses the text, which refuses what is no label name.
    let text = "{" + pairs.map { "\($0.name)=\(quoted($0.value))" }.joined(separator: ", ") + "}"
    do throws(LokiPushError) {
      return try LabelText.parse(text)
    } catch { throw Malformed.label(error) }
  }

  private static func isLabelName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
    else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }

  private static func readValues(_ json: inout JSONBytes, into rows: inout StreamRows) throws {
    guard json.kind() == .array else {
      let range = try json.skipValue()
      guard json.equals(range, "null") else { throw Malformed.json }
      return
    }
    try json.expect(UInt8(ascii: "["))
    if json.take(UInt8(ascii: "]")) { return }
    repeat {
      if json.kind() == .array {
        try readEntry(&json, into: &rows)
      } else {
        let range = try json.skipValue()
        guard json.equals(range, "null") else { throw Malformed.json }
      }
    } while json.take(UInt8(ascii: ","))
    try json.expect(UInt8(ascii: "]"))
  }

  /// `["ns", "line", {"name": "value"}]`. A value of the wrong kind does not end the entry, and
  /// of several faults the last is told, as Loki does.
  private static func readEntry(_ json: inout JSONBytes, into rows: inout StreamRows) throws {
    try json.expect(UInt8(ascii: "["))
    var timestamp = Timestamp.distantPast
    var metadata: [Label] = []
    var index = 0
    var fault: Malformed?
    if !json.take(UInt8(ascii: "]")) {
      repeat {
        let kind = json.kind()
        switch (index, kind) {
        case (0, .string):
          guard let value = integer(json, try json.stringRange()) else {
            fault = .number
            continue
          }
          timestamp = Timestamp(nanoseconds: value)
        case (1, .string):
          let range = try json.stringRange()
          guard json.appendUnescaped(range, to: &rows.lineBytes) else {
            fault = .string
            continue
          }
        case (0...1, _):
          _ = try json.skipValue()
          fault = .string
          continue
        case (2, .object):
          guard let pairs = try readMetadata(&json) else {
            fault = .string
            continue
          }
          metadata = pairs
        case (2, _):
          _ = try json.skipValue()
          fault = .object
          continue
        default: _ = try json.skipValue()
        }
        index += 1
      } while json.take(UInt8(ascii: ","))
      try json.expect(UInt8(ascii: "]"))
    }
    if let fault { throw fault }
    rows.timestamps.append(timestamp)
    rows.lineEnds.append(rows.lineBytes.count)
    guard !metadata.isEmpty || !rows.structuredMetadata.isEmpty else { return }
    while rows.structuredMetadata.count < rows.timestamps.count - 1 {
      rows.structuredMetadata.append([])
    }
    rows.structuredMetadata.append(metadata)
  }

  /// nil when a value is no string.
  private static func readMetadata(_ json: inout JSONBytes) throws -> [Label]? {
    var pairs: [Label] = []
    var isWhole = true
    try json.expect(UInt8(ascii: "{"))
    if json.take(UInt8(ascii: "}")) { return pairs }
    repeat {
      let key = try json.stringRange()
      try json.expect(UInt8(ascii: ":"))
      guard json.kind() == .string else {
        _ = try json.skipValue()
        isWhole = false
        continue
      }
      guard let name = json.text(key), let value = json.text(try json.stringRange()) else {
        isWhole = false
        continue
      }
      pairs.append(Label(name, value))
    } while json.take(UInt8(ascii: ","))
    try json.expect(UInt8(ascii: "}"))
    return isWhole ? pairs : nil
  }

  /// A decimal integer that fits into 64 bits, or nil.
  private static func integer(_ json: JSONBytes, _ range: Range<Int>) -> Int64? {
    var digits = range
    guard let first = digits.first else { return nil }
    let isNegative = json.bytes[first] == UInt8(ascii: "-")
    if isNegative { digits = digits.dropFirst() }
    guard !digits.isEmpty, digits.count <= 19 else { return nil }
    var value: Int64 = 0
    for index in digits {
      let digit = json.bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (next, overflowAgain) = product.subtractingReportingOverflow(Int64(digit))
      guard !overflow, !overflowAgain else { return nil }
      value = next
    }
    if isNegative { return value }
    return value == .min ? nil : -value
  }

  // MARK: errors

  private static func shown(_ byte: UInt8) -> String {
    String(decoding: [byte], as: UTF8.self)
  }

  private func malformed(_ fault: JSONBytes.Fault, _ context: String) -> LokiPushError {
    switch fault {
    case .end: error("\(context)readStringSlowPath: unexpected end of input", json.bytes.count)
    case .syntax: error("\(context)ReadObject: unexpected character", json.position + 1)
    }
  }

  /// An error in the form of the JSON library that Loki uses: the bytes around `head`.
  private func error(_ message: String, _ head: Int) -> LokiPushError {
    func around(_ reach: Int) -> String {
      let low = max(0, head - reach)
      let high = min(json.bytes.count, head + reach)
      return String(
        decoding: UnsafeRawBufferPointer(rebasing: json.bytes[low..<high]), as: UTF8.self)
    }
    return LokiPushError(
      "\(message), error found in #\(min(10, head)) byte of ...|\(around(10))|..., "
        + "bigger context ...|\(around(50))|...")
  }
}
