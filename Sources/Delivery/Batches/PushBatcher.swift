package import TelemetryModel
import WireFormats

/// Gathers the lines of one reading thread into push bodies, by tenant.
///
/// A body is sealed before it would pass `bodyBytesMax` (of lines and metadata; one larger line
/// makes a body of its own). For one thread.
package struct PushBatcher {
  /// Streams of one body, at most.
  private static let streamsMax = 10_000

  fileprivate struct Batch {
    var streams: [StreamRows] = []
    var indices: [Labels: Int] = [:]
    /// Streams by the address of their labels: a guess that is checked.
    var recent = [Int32](repeating: -1, count: 256)
    var bytes = 0
    var lineBytes = 0
    var entries = 0
  }

  private let profiles: [BatchProfile]
  private let bodyBytesMax: Int
  /// The tenant that the last line was of, whose batch is not among `batches`.
  private var tenant = ""
  private var current = Batch()
  private var batches: [String: Batch] = [:]
  private var sealed: [QueuedBody] = []
  /// Lines in bodies that are not taken yet.
  package private(set) var entries = 0

  package init(profiles: [BatchProfile], bodyBytesMax: Int) {
    precondition(!profiles.isEmpty, "somebody wants the bodies")
    self.profiles = profiles
    self.bodyBytesMax = bodyBytesMax
  }

  package var isEmpty: Bool { entries == 0 }
  /// Whether a body is complete: time to take all.
  package var isFull: Bool { !sealed.isEmpty }

  /// Adds one line to the batch of its tenant (empty for the client's own).
  package mutating func add(
    line: UnsafeRawBufferPointer, timestamp: Timestamp, labels: Labels,
    structuredMetadata: [Label], tenant: String
  ) {
    var size = line.count
    for label in structuredMetadata { size += label.name.utf8.count + label.value.utf8.count }
    if tenant != self.tenant { select(tenant) }
    if current.entries > 0,
      current.bytes + size > bodyBytesMax || current.streams.count >= Self.streamsMax
    {
      seal()
    }
    entries += 1
    current.add(
      line: line, timestamp: timestamp, labels: labels, structuredMetadata: structuredMetadata,
      size: size)
  }

  private mutating func select(_ tenant: String) {
    if current.entries > 0 { batches[self.tenant] = current }
    current = batches.removeValue(forKey: tenant) ?? Batch()
    self.tenant = tenant
  }

  /// All bodies, ready to be queued; the batcher is empty afterwards.
  package mutating func takeBodies() -> [QueuedBody] {
    if current.entries > 0 { batches[tenant] = current }
    for tenant in batches.keys.sorted() {
      select(tenant)
      seal()
    }
    batches = [:]
    entries = 0
    defer { sealed = [] }
    return sealed
  }

  /// Completes the body of the selected tenant.
  private mutating func seal() {
    guard current.entries > 0 else { return }
    let batch = current
    current = Batch()
    for profile in profiles {
      var streams = batch.streams
      if !profile.externalLabels.isEmpty {
        for index in streams.indices {
          streams[index].labels = profile.apply(to: streams[index].labels)
        }
      }
      sealed.append(
        QueuedBody(
          profile: profile.number, tenant: tenant, entries: batch.entries,
          lineBytes: batch.lineBytes, bytes: LokiPushEncoder.encode(streams)))
    }
  }
}

extension PushBatcher.Batch {
  fileprivate mutating func add(
    line: UnsafeRawBufferPointer, timestamp: Timestamp, labels: Labels,
    structuredMetadata: [Label], size: Int
  ) {
    let index = stream(labels)
    streams[index].append(
      line: line, timestamp: timestamp, structuredMetadata: structuredMetadata)
    bytes += size
    lineBytes += line.count
    entries += 1
  }

  /// The number of the stream with these labels.
  ///
  /// Label sets of one pipeline share their storage, so that its address finds most of them, and
  /// the comparison is quick.
  private mutating func stream(_ labels: Labels) -> Int {
    let address = labels.sorted.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    let slot = Int(truncatingIfNeeded: (address >> 5) & 255)
    let guess = Int(recent[slot])
    if guess >= 0, streams[guess].labels == labels { return guess }
    let index = indices[labels] ?? streams.count
    if index == streams.count {
      indices[labels] = index
      streams.append(StreamRows(labels: labels))
    }
    recent[slot] = Int32(truncatingIfNeeded: index)
    return index
  }
}

extension StreamRows {
  /// Adds a row whose line is borrowed.
  fileprivate mutating func append(
    line: UnsafeRawBufferPointer, timestamp: Timestamp, structuredMetadata metadata: [Label]
  ) {
    timestamps.append(timestamp)
    lineBytes.append(contentsOf: line)
    lineEnds.append(lineBytes.count)
    if !metadata.isEmpty || !structuredMetadata.isEmpty {
      while structuredMetadata.count < timestamps.count - 1 { structuredMetadata.append([]) }
      structuredMetadata.append(metadata)
    }
  }
}
