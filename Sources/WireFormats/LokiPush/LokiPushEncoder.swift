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

  /// The same of entries that are encoded already.
  package static func encode(_ streams: [EncodedEntries]) -> [UInt8] {
    var heads: [[UInt8]] = []
    heads.reserveCapacity(streams.count)
    var byteCount = 0
    for stream in streams {
      var head: [UInt8] = []
      appendStream(stream.labels, entryBytes: stream.byteCount, to: &head)
      byteCount += head.count + stream.byteCount
      heads.append(head)
    }
    var writer = SnappyBlockWriter(byteCount: byteCount)
    for (stream, head) in zip(streams, heads) {
      writer.append(head)
      stream.withBytes { writer.append($0) }
    }
    return writer.finish()
  }

  /// A stream's header, behind which its entries follow.
  private static func appendStream(_ labels: Labels, entryBytes: Int, to out: inout [UInt8]) {
    let labels = Array(labelText(labels).utf8)
    appendHeader(1, 1 + varintLength(labels.count) + labels.count + entryBytes, to: &out)
    appendHeader(1, labels.count, to: &out)
    out.append(contentsOf: labels)
  }

  private static func append(_ stream: StreamRows, to out: inout [UInt8]) {
    var size = 0
    for row in 0..<stream.count {
      let entry = entrySize(
        split(stream.timestamps[row]), stream.lineRange(row).count, stream.metadata(row))
      size += 1 + varintLength(entry) + entry
    }
    appendStream(stream.labels, entryBytes: size, to: &out)
    stream.lineBytes.withUnsafeBytes { lines in
      for row in 0..<stream.count {
        appendEntry(
          UnsafeRawBufferPointer(rebasing: lines[stream.lineRange(row)]), stream.timestamps[row],
          stream.metadata(row), to: &out)
      }
    }
  }

  /// Bytes before an entry's line, at most: three headers and the time take 50.
  fileprivate static let entryHeadBytesMax = 64

  /// Adds one entry of a stream.
  @inline(__always)
  private static func appendEntry(
    _ line: UnsafeRawBufferPointer, _ timestamp: Timestamp, _ metadata: [Label],
    to out: inout [UInt8]
  ) {
    withUnsafeTemporaryAllocation(byteCount: entryHeadBytesMax, alignment: 8) { head in
      var count = 0
      putEntryHead(line.count, timestamp, metadata, head, &count)
      out.append(contentsOf: UnsafeRawBufferPointer(rebasing: head[..<count]))
    }
    out.append(contentsOf: line)
    appendMetadata(metadata, to: &out)
  }

  /// Writes what comes before an entry's line.
  @inline(__always)
  fileprivate static func putEntryHead(
    _ lineBytes: Int, _ timestamp: Timestamp, _ metadata: [Label],
    _ head: UnsafeMutableRawBufferPointer, _ count: inout Int
  ) {
    let stamp = split(timestamp)
    putHeader(2, entrySize(stamp, lineBytes, metadata), head, &count)
    putHeader(1, timestampSize(stamp), head, &count)
    if stamp.seconds != 0 {
      put(0x08, head, &count)
      putVarint(UInt64(bitPattern: stamp.seconds), head, &count)
    }
    if stamp.nanoseconds != 0 {
      put(0x10, head, &count)
      putVarint(UInt64(stamp.nanoseconds), head, &count)
    }
    putHeader(2, lineBytes, head, &count)
  }

  /// Adds what comes behind an entry's line.
  fileprivate static func appendMetadata(_ metadata: [Label], to out: inout [UInt8]) {
    for label in metadata {
      appendHeader(3, pairSize(label), to: &out)
      appendHeader(1, label.name.utf8.count, to: &out)
      out.append(contentsOf: label.name.utf8)
      appendHeader(2, label.value.utf8.count, to: &out)
      out.append(contentsOf: label.value.utf8)
    }
  }

  // In bounds: each of the three lengths takes eleven bytes at most with its tag, the seconds
  // eleven, and the nanoseconds six.
  @inline(__always)
  private static func put(
    _ byte: UInt8, _ head: UnsafeMutableRawBufferPointer, _ count: inout Int
  ) {
    head[count] = byte
    count += 1
  }

  @inline(__always)
  private static func putVarint(
    _ value: UInt64, _ head: UnsafeMutableRawBufferPointer, _ count: inout Int
  ) {
    var rest = value
    while rest >= 0x80 {
      put(UInt8(truncatingIfNeeded: rest) | 0x80, head, &count)
      rest >>= 7
    }
    put(UInt8(truncatingIfNeeded: rest), head, &count)
  }

  @inline(__always)
  private static func putHeader(
    _ number: UInt8, _ length: Int, _ head: UnsafeMutableRawBufferPointer, _ count: inout Int
  ) {
    put(number << 3 | 2, head, &count)
    putVarint(UInt64(length), head, &count)
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

  @inline(__always)
  private static func entrySize(
    _ stamp: (seconds: Int64, nanoseconds: Int64), _ lineBytes: Int, _ metadata: [Label]
  ) -> Int {
    let time = timestampSize(stamp)
    var size = 1 + varintLength(time) + time + 1 + varintLength(lineBytes) + lineBytes
    guard !metadata.isEmpty else { return size }
    for label in metadata {
      let pair = pairSize(label)
      size += 1 + varintLength(pair) + pair
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

/// Entries of one stream, each encoded as it comes.
package struct EncodedEntries {
  package var labels: Labels
  /// The entries lie in its first `byteCount` bytes: so a line is written in one go.
  private var room: [UInt8] = []
  /// Bytes of all entries.
  package private(set) var byteCount = 0
  /// Bytes of memory.
  package var capacity: Int { room.count }

  package init(labels: Labels) { self.labels = labels }

  /// Adds an entry; the line is borrowed for the call.
  package mutating func append(
    line: UnsafeRawBufferPointer, timestamp: Timestamp, structuredMetadata: [Label]
  ) {
    reserve(LokiPushEncoder.entryHeadBytesMax + line.count)
    var count = byteCount
    room.withUnsafeMutableBytes { room in
      // In bounds: room for the head and the line was made.
      LokiPushEncoder.putEntryHead(line.count, timestamp, structuredMetadata, room, &count)
      UnsafeMutableRawBufferPointer(rebasing: room[count..<(count + line.count)])
        .copyMemory(from: line)
    }
    byteCount = count + line.count
    if !structuredMetadata.isEmpty { append(structuredMetadata) }
  }

  private mutating func append(_ metadata: [Label]) {
    var bytes: [UInt8] = []
    LokiPushEncoder.appendMetadata(metadata, to: &bytes)
    reserve(bytes.count)
    room.replaceSubrange(byteCount..<(byteCount + bytes.count), with: bytes)
    byteCount += bytes.count
  }

  @inline(__always)
  private mutating func reserve(_ more: Int) {
    if room.count - byteCount < more { grow(more) }
  }

  private mutating func grow(_ more: Int) {
    let wanted = max(4096, byteCount + more, room.count * 2)
    room.append(contentsOf: repeatElement(0, count: wanted - room.count))
  }

  func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
    room.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<byteCount])) }
  }

  /// Begins anew, keeping what memory there is.
  package mutating func reset(labels: Labels) {
    self.labels = labels
    byteCount = 0
  }
}
