@testable import HTTP
import LogQL
@testable import LogQuery
@testable import LokiAPI
import TelemetryModel
import WireFormats

/// What a client sends on a WebSocket: taken apart in pieces it means what it means whole.
func fuzzWebSocket(_ input: UnsafeRawBufferPointer) {
  func events(_ piece: Int) -> (events: [WebSocketReader.Event], code: UInt16?) {
    var reader = WebSocketReader(messageBytesMax: 1 << 10)
    var events: [WebSocketReader.Event] = []
    var at = 0
    while at < input.count {
      let end = min(input.count, at + piece)
      reader.append(UnsafeRawBufferPointer(rebasing: input[at..<end]))
      at = end
      do throws(WebSocketFrame.Violation) {
        while let event = try reader.next() {
          if case .message(let message) = event {
            precondition(message.byteCount <= 1 << 10, "a message above the limit")
          }
          events.append(event)
        }
      } catch { return (events, error.code) }
    }
    return (events, nil)
  }
  let whole = events(max(1, input.count))
  let split = events(1 + Int(input.first ?? 0) % 7)
  precondition(whole.events == split.events && whole.code == split.code, "pieces mean else")
}

/// A query string or form: its items, escaped and read again, are the same.
func fuzzHTTPForm(_ input: UnsafeRawBufferPointer) {
  guard let form = try? FormItems.parse(input) else { return }
  func escaped(_ text: String) -> [UInt8] {
    text.utf8.flatMap { byte in
      let digits = Array("0123456789abcdef".utf8)
      return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
  }
  var text: [UInt8] = []
  for item in form.items {
    text += escaped(item.name) + [UInt8(ascii: "=")] + escaped(item.value) + [UInt8(ascii: "&")]
  }
  guard let again = try? FormItems.parse(text) else {
    preconditionFailure("what is escaped does not read")
  }
  precondition(again == form, "items change")
}

/// The parameters of all endpoints, each with the text: times, spans, limits.
func fuzzQueryParameters(_ input: UnsafeRawBufferPointer) {
  let text = String(decoding: input.prefix(256), as: UTF8.self)
  let now = Timestamp(seconds: 1_800_000_000)
  func with(_ names: String...) -> QueryParameters {
    QueryParameters(names.map { ($0, text) })
  }
  if let bounds = try? with("start").bounds(now: now) { precondition(bounds.end == now) }
  _ = try? with("end").bounds(now: now)
  _ = try? with("since").bounds(now: now)
  _ = try? with("end", "since").bounds(now: now)
  if let limit = try? with("limit").limit(default: 100) { precondition(limit > 0) }
  _ = try? with("step").duration("step")
  _ = try? with("time").time("time", default: now)
  let deletes = QueryParameters([
    ("query", #"{a="b"} |= "c""#), ("start", "1"), ("end", text), ("max_interval", text),
  ])
  if let parameters = try? DeleteParameters(deletes, now: now) {
    precondition(parameters.range.upperBound <= now)
  }
  if let cursor = LogCursor(text) {
    precondition(LogCursor(cursor.text) == cursor, "a cursor changes")
  }
}

/// Lines and labels of any bytes as answers of queries and of tails: JSON each time.
func fuzzLogAnswers(_ input: UnsafeRawBufferPointer) {
  let lines = input.split(separator: 10, maxSplits: 8, omittingEmptySubsequences: false)
  let text = lines.first.map { String(decoding: $0, as: UTF8.self) } ?? ""
  let labels = RowLabels(
    id: 0, stream: [Label("app", text)], structuredMetadata: [Label("meta", text)],
    parsed: [Label("parsed", text)])
  let entries = lines.enumerated().map {
    ResultEntry(
      timestamp: Timestamp(nanoseconds: Int64($0)), text: EntryLine(Array($1), 0..<$1.count),
      labels: labels)
  }
  let answer = QueryResult(
    value: .streams([ResultStream(entries: entries, labels: labels.all)]),
    statistics: QueryStatistics())
  for flags in [[], ["categorize-labels"]] {
    var encoder = ResultEncoder(flags: flags, direction: .forward)
    encoder.encode(answer, seconds: 0.1)
    check(Array(encoder.pieces.joined()))
    for isLegacy in [false, true] {
      check(TailFrames(isLegacy: isLegacy, flags: flags).frame(entries, dropped: .init()))
    }
  }
  func check(_ bytes: [UInt8]) {
    guard (try? JSONValue.parse(bytes)) != nil else { preconditionFailure("no JSON") }
  }
}
