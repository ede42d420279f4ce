import Bytes
import Compression
package import TelemetryModel

/// Encodes rows as Loki's push body: protobuf `PushRequest`, then snappy.
package enum LokiPushEncoder {
  /// The body of `POST /loki/api/v1/push` with `Content-Type: application/x-protobuf`.
  package static func encode(_ streams: [StreamRows]) -> [UInt8] {
    Snappy.compress(encodeProtobuf(streams))
  }

  /// The same, not compressed.
  package static func encodeProtobuf(_ streams: [StreamRows]) -> [UInt8] {
    var out: [UInt8] = []
    let lineBytes = streams.reduce(0) { $0 + $1.lineBytes.count }
    let rows = streams.reduce(0) { $0 + $1.count }
    out.reserveCapacity(lineBytes + rows * 24 + streams.count * 128)
    for stream in streams { append(stream, to: &out) }
    return out
  }

  private static func append(_ stream: StreamRows, to out: inout [UInt8]) {
    let labels = Array(labelText(stream.labels).utf8)
    var size = 1 + varintLength(labels.count) + labels.count
    for row in 0..<stream.count {
      let entry = entrySize(stream, row)
      size += 1 + varintLength(entry) + entry
    }
    appendHeader(1, size, to: &out)
    appendHeader(1, labels.count, to: &out)
    out.append(contentsOf: labels)
    for row in 0..<stream.count {
      appendHeader(2, entrySize(stream, row), to: &out)
      let stamp = split(stream.timestamps[row])
      appendHeader(1, timestampSize(stamp), to: &out)
      if stamp.seconds != 0 {
        out.append(0x08)
        out.appendVarint(UInt64(bitPattern: stamp.seconds))
      }
      if stamp.nanoseconds != 0 {
        out.append(0x10)
        out.appendVarint(UInt64(stamp.nanoseconds))
      }
      let line = stream.lineRange(row)
      appendHeader(2, line.count, to: &out)
      out.append(contentsOf: stream.lineBytes[line])
      for label in stream.metadata(row) {
        appendHeader(3, pairSize(label), to: &out)
        appendHeader(1, label.name.utf8.count, to: &out)
        out.append(contentsOf: label.name.utf8)
        appendHeader(2, label.value.utf8.count, to: &out)
        out.append(contentsOf: label.value.utf8)
      }
    }
  }

  /// Prometheus's text form; names that are no identifiers are quoted, so that they can be read.
  private static func labelText(_ labels: Labels) -> String {
    func isIdentifier(_ name: String) -> Bool {
      var isFirst = true
      for byte in name.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "_"):
          break
        case UInt8(ascii: "0")...UInt8(ascii: "9"): if isFirst { return false }
        default: return false
        }
        isFirst = false
      }
      return !isFirst
    }
    if labels.sorted.allSatisfy({ isIdentifier($0.name) }) { return labels.description }
    let pairs = labels.sorted.map { label in
      (isIdentifier(label.name) ? label.name : quoted(label.name)) + "=" + quoted(label.value)
    }
    return "{" + pairs.joined(separator: ", ") + "}"
  }

  private static func entrySize(_ stream: StreamRows, _ row: Int) -> Int {
    let stamp = timestampSize(split(stream.timestamps[row]))
    let line = stream.lineRange(row).count
    var size = 1 + varintLength(stamp) + stamp + 1 + varintLength(line) + line
    if !stream.structuredMetadata.isEmpty {
      for label in stream.structuredMetadata[row] {
        let pair = pairSize(label)
        size += 1 + varintLength(pair) + pair
      }
    }
    return size
  }

  private static func pairSize(_ label: Label) -> Int {
    let name = label.name.utf8.count
    let value = label.value.utf8.count
    return 2 + varintLength(name) + name + varintLength(value) + value
  }

  /// Seconds rounded down, so that nanoseconds are never negative.
  private static func split(_ stamp: Timestamp) -> (seconds: Int64, nanoseconds: Int64) {
    let (quotient, remainder) = stamp.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return remainder < 0 ? (quotient - 1, remainder + 1_000_000_000) : (quotient, remainder)
  }

  private static func timestampSize(_ stamp: (seconds: Int64, nanoseconds: Int64)) -> Int {
    (stamp.seconds == 0 ? 0 : 1 + varintLength(UInt64(bitPattern: stamp.seconds)))
      + (stamp.nanoseconds == 0 ? 0 : 1 + varintLength(UInt64(stamp.nanoseconds)))
  }

  /// The header of a field of bytes.
  private static func appendHeader(_ number: UInt8, _ length: Int, to out: inout [UInt8]) {
    out.append(number << 3 | 2)
    out.appendVarint(UInt64(length))
  }

  private static func varintLength(_ value: Int) -> Int { varintLength(UInt64(value)) }

  private static func varintLength(_ value: UInt64) -> Int {
    max(1, (64 - value.leadingZeroBitCount + 6) / 7)
  }
}
