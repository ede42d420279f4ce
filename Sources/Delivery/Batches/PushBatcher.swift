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
    var last = 0
    var bytes = 0
    var lineBytes = 0
    var entries = 0
  }

  private let profiles: [BatchProfile]
  private let bodyBytesMax: Int
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
    if let batch = batches[tenant], batch.entries > 0,
      batch.bytes + size > bodyBytesMax || batch.streams.count >= Self.streamsMax
    {
      seal(tenant)
    }
    entries += 1
    batches[tenant, default: Batch()].add(
      line: line, timestamp: timestamp, labels: labels, structuredMetadata: structuredMetadata,
      size: size)
  }

  /// All bodies, ready to be queued; the batcher is empty afterwards.
  package mutating func takeBodies() -> [QueuedBody] {
    for tenant in batches.keys.sorted() { seal(tenant) }
    batches = [:]
    entries = 0
    defer { sealed = [] }
    return sealed
  }

  private mutating func seal(_ tenant: String) {
    guard let batch = batches[tenant], batch.entries > 0 else { return }
    batches[tenant] = Batch()
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
    // Label sets of one pipeline share their storage, so that this comparison is quick.
    if streams.isEmpty || streams[last].labels != labels {
      if let index = indices[labels] {
        last = index
      } else {
        last = streams.count
        indices[labels] = last
        streams.append(StreamRows(labels: labels))
      }
    }
    streams[last].append(
      line: line, timestamp: timestamp, structuredMetadata: structuredMetadata)
    bytes += size
    lineBytes += line.count
    entries += 1
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
