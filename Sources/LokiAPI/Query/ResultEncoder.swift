package import LogQuery
import LogStore
import TelemetryModel
import WireFormats

/// Writes the answers of `query` and `query_range` as Loki's JSON.
package struct ResultEncoder {
  private var writer = JSONWriter()
  private let flags: [String]
  private let categorizes: Bool
  private let isForward: Bool
  /// Lines around each line of the answer, where they were asked for.
  var contexts: [LineContext] = []
  /// Where the next page begins, empty for nowhere; nil when no pages were asked for.
  var cursor: String?

  package init(flags: [String], direction: Direction) {
    self.flags = flags
    isForward = direction == .forward
    categorizes = flags.contains("categorize-labels")
  }

  /// What was written so far, in pieces: a large answer is never moved to a larger place.
  package var pieces: [[UInt8]] { full + [writer.bytes] }

  /// Pieces that nothing is added to any more.
  private var full: [[UInt8]] = []
  private static let pieceBytes = 256 << 10

  /// Writes a whole answer; `seconds` is what it took.
  package mutating func encode(_ result: QueryResult, seconds: Double) {
    writer.beginObject()
    writer.key("status")
    writer.string("success")
    if !result.statistics.scan.warnings.isEmpty {
      writer.key("warnings")
      writer.beginArray()
      for warning in result.statistics.scan.warnings { writer.string(warning) }
      writer.endArray()
    }
    writer.key("data")
    writer.beginObject()
    writer.key("resultType")
    switch result.value {
    case .streams(let streams):
      writer.string("streams")
      if !flags.isEmpty {
        writer.key("encodingFlags")
        writer.beginArray()
        for flag in flags { writer.string(flag) }
        writer.endArray()
      }
      writer.key("result")
      encode(streams)
    case .vector(let series):
      writer.string("vector")
      writer.key("result")
      writer.beginArray()
      for one in series {
        beginSeries(one.labels)
        writer.key("value")
        if let point = one.points.first { encode(point) }
        writer.endObject()
      }
      writer.endArray()
    case .matrix(let series):
      writer.string("matrix")
      writer.key("result")
      writer.beginArray()
      for one in series {
        beginSeries(one.labels)
        writer.key("values")
        writer.beginArray()
        for point in one.points { encode(point) }
        writer.endArray()
        writer.endObject()
        if writer.bytes.count >= Self.pieceBytes { endPiece() }
      }
      writer.endArray()
    case .scalar(let point):
      writer.string("scalar")
      writer.key("result")
      writer.beginArray()
      // Loki writes a scalar's time in milliseconds, unlike any other.
      writer.int(point.time.nanoseconds / 1_000_000)
      writer.string(formatFloat(point.value))
      writer.endArray()
    }
    encodeBeyond()
    writer.key("stats")
    writer.encode(result.statistics, seconds: seconds)
    writer.endObject()
    writer.endObject()
  }

  private mutating func encodeBeyond() {
    if let cursor {
      writer.key("cursor")
      if cursor.isEmpty { writer.null() } else { writer.string(cursor) }
    }
    guard !contexts.isEmpty else { return }
    writer.key("context")
    writer.beginArray()
    for context in contexts {
      writer.beginObject()
      writer.key("stream")
      writer.encode(context.match.labels.stream)
      for (name, entries) in [("before", context.before), ("after", context.after)] {
        writer.key(name)
        writer.beginArray()
        for entry in entries { writer.encode(entry, categorizes: categorizes) }
        writer.endArray()
      }
      writer.key("match")
      writer.encode(context.match, categorizes: categorizes)
      writer.endObject()
    }
    writer.endArray()
  }

  private mutating func beginSeries(_ labels: Labels) {
    writer.beginObject()
    writer.key("metric")
    writer.encode(labels.sorted)
  }

  private mutating func encode(_ point: SamplePoint) {
    writer.beginArray()
    writer.encodeSeconds(point.time)
    // Counts, which most answers are made of, need no decimal point.
    if let count = Int64(exactly: point.value), count.magnitude < 1 << 53, count != 0 {
      writer.quotedInt(count)
    } else {
      writer.string(formatFloat(point.value))
    }
    writer.endArray()
  }

  private mutating func encode(_ streams: [ResultStream]) {
    writer.beginArray()
    for stream in categorizes
      ? streams.categorized(isForward: isForward).sortedByText : streams
    {
      writer.beginObject()
      writer.key("stream")
      writer.encode(stream.labels.sorted)
      writer.key("values")
      writer.beginArray()
      for entry in stream.entries {
        writer.encode(entry, categorizes: categorizes)
        if writer.bytes.count >= Self.pieceBytes { endPiece() }
      }
      writer.endArray()
      writer.endObject()
    }
    writer.endArray()
  }

  private mutating func endPiece() {
    full.append(writer.bytes)
    writer.bytes = []
    // Most pieces are longer than their limit by less than this.
    writer.bytes.reserveCapacity(Self.pieceBytes + (4 << 10))
  }
}

extension [ResultStream] {
  /// The same entries under their stream's own labels alone.
  func categorized(isForward: Bool) -> [ResultStream] {
    var places: [Labels: Int] = [:]
    var result: [ResultStream] = []
    for stream in self {
      for entry in stream.entries {
        let labels = Labels(entry.labels.stream)
        let place = places[labels] ?? result.count
        if place == result.count {
          places[labels] = place
          result.append(ResultStream(entries: [], labels: labels))
        }
        result[place].entries.append(entry)
      }
    }
    for place in result.indices {
      result[place].entries.sort {
        isForward ? $0.timestamp < $1.timestamp : $0.timestamp > $1.timestamp
      }
    }
    return result
  }
}

extension JSONWriter {
  /// An entry as `/api/prom` shows it: `{"ts":"RFC 3339","line":"…"}`.
  mutating func encodeLegacy(_ entry: ResultEntry) {
    beginObject()
    key("ts")
    string(GoTime.rfc3339(entry.timestamp))
    key("line")
    entry.text.withBytes { string(bytes: $0) }
    endObject()
  }

  /// An entry as `["ns","line"]`, and what is not of its stream as a third item.
  mutating func encode(_ entry: ResultEntry, categorizes: Bool) {
    beginArray()
    quotedInt(entry.timestamp.nanoseconds)
    entry.text.withBytes { string(bytes: $0) }
    if categorizes {
      beginObject()
      if !entry.labels.structuredMetadata.isEmpty {
        key("structuredMetadata")
        encode(entry.labels.structuredMetadata)
      }
      if !entry.labels.parsed.isEmpty {
        key("parsed")
        encode(entry.labels.parsed)
      }
      endObject()
    }
    endArray()
  }

  mutating func encode(_ labels: [Label]) {
    beginObject()
    for label in labels {
      key(label.name)
      string(label.value)
    }
    endObject()
  }

  /// Seconds with up to three digits of fraction.
  mutating func encodeSeconds(_ time: Timestamp) {
    let milliseconds = time.nanoseconds / 1_000_000
    if milliseconds % 1000 == 0 {
      int(milliseconds / 1000)
      return
    }
    raw(formatFloat(Double(milliseconds) / 1000).utf8)
  }
}
