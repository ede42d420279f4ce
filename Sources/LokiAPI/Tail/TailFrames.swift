import LogQuery
import LogStore
import TelemetryModel
import WireFormats

/// Writes what a follower gets as the frames of Loki's tail.
struct TailFrames {
  /// `/api/prom/tail` has labels as text and times in RFC 3339.
  let isLegacy: Bool
  /// The items of `X-Loki-Response-Encoding-Flags`.
  let flags: [String]

  /// A frame; each entry is a stream of its own, in the order of time.
  func frame(_ entries: [ResultEntry], dropped: TailBuffer.Batch) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("streams")
    writer.beginArray()
    for entry in entries { encode(entry, &writer) }
    writer.endArray()
    if isLegacy, dropped.droppedCount == 0 {
      writer.key("dropped_entries")
      writer.null()
    } else if dropped.droppedCount > 0 {
      writer.key("dropped_entries")
      writer.beginArray()
      for entry in dropped.dropped {
        writer.beginObject()
        writer.key("timestamp")
        writer.quotedInt(entry.timestamp.nanoseconds)
        writer.key("labels")
        writer.encode(entry.labels.sorted)
        writer.endObject()
      }
      writer.endArray()
    }
    if categorizes {
      writer.key("encodingFlags")
      writer.beginArray()
      for flag in flags { writer.string(flag) }
      writer.endArray()
    }
    writer.endObject()
    return writer.bytes
  }

  private var categorizes: Bool { !isLegacy && flags.contains("categorize-labels") }

  private func encode(_ entry: ResultEntry, _ writer: inout JSONWriter) {
    // Structured metadata is left out where it has no place of its own.
    let parsed = categorizes ? [] : entry.labels.parsed
    let labels = parsed.isEmpty ? Labels(entry.labels.stream) : Labels(entry.labels.stream + parsed)
    writer.beginObject()
    if isLegacy {
      writer.key("labels")
      writer.string(labels.description)
      writer.key("entries")
      writer.beginArray()
      writer.encodeLegacy(entry)
    } else {
      writer.key("stream")
      writer.encode(labels.sorted)
      writer.key("values")
      writer.beginArray()
      writer.encode(entry, categorizes: categorizes)
    }
    writer.endArray()
    writer.endObject()
  }
}
