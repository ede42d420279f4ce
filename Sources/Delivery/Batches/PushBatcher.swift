package import TelemetryModel
import WireFormats

/// Gathers the lines of one reading thread into push bodies, by tenant.
///
/// A body is sealed before it would pass `bodyBytesMax` (of lines and metadata; one larger line
/// makes a body of its own). For one thread.
package struct PushBatcher {
  /// A body with more streams is complete.
  private static let fullStreams = 10_000

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
  private let streamsMax: Int
  /// The tenant that the last line was of, whose batch is not among `batches`.
  private var tenant = ""
  private var current = Batch()
  private var batches: [String: Batch] = [:]
  private var sealed: [QueuedBody] = []
  /// Emptied rows whose room the next streams take over.
  private var spares: [StreamRows] = []
  private static let sparesMax = 16
  private var spareBytes: Int { spares.reduce(0) { $0 + $1.lineBytes.capacity } }
  /// Lines in bodies that are not taken yet.
  package private(set) var entries = 0

  /// - Parameter streamsMax: streams of one body, at most; lines of others are not taken until the
  ///   next one. 0 for no limit.
  package init(profiles: [BatchProfile], bodyBytesMax: Int, streamsMax: Int = 0) {
    precondition(!profiles.isEmpty, "somebody wants the bodies")
    self.profiles = profiles
    self.bodyBytesMax = bodyBytesMax
    self.streamsMax = streamsMax > 0 ? streamsMax : .max
  }

  package var isEmpty: Bool { entries == 0 }
  /// Bodies that are complete and wait to be taken.
  package var fullBodies: Int { sealed.count / profiles.count }

  /// Adds one line to the batch of its tenant (empty for the client's own); false when its stream
  /// is one too many.
  @discardableResult
  package mutating func add(
    line: UnsafeRawBufferPointer, timestamp: Timestamp, labels: Labels,
    structuredMetadata: [Label], tenant: String
  ) -> Bool {
    var size = line.count
    for label in structuredMetadata { size += label.name.utf8.count + label.value.utf8.count }
    if tenant != self.tenant { select(tenant) }
    if current.entries > 0,
      current.bytes + size > bodyBytesMax || current.streams.count >= Self.fullStreams
    {
      seal()
    }
    let isTaken = current.add(
      &spares,
      line: line, timestamp: timestamp, labels: labels, structuredMetadata: structuredMetadata,
      size: size, streamsMax: streamsMax)
    if isTaken { entries += 1 }
    return isTaken
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
    var batch = Batch()
    swap(&batch, &current)
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
          lineBytes: batch.lineBytes, bytes: Self.fitted(LokiPushEncoder.encode(streams))))
    }
    while spares.count < Self.sparesMax, let stream = batch.streams.popLast() { keep(stream) }
  }

  /// Without the room at its end that compressing needed: bodies wait for a while.
  private static func fitted(_ bytes: [UInt8]) -> [UInt8] {
    bytes.capacity - bytes.count < bytes.count / 4 ? bytes : bytes.withUnsafeBytes { [UInt8]($0) }
  }

  private mutating func keep(_ stream: consuming StreamRows) {
    guard spareBytes + stream.lineBytes.capacity <= 3 * bodyBytesMax else { return }
    stream.timestamps.removeAll(keepingCapacity: true)
    stream.lineBytes.removeAll(keepingCapacity: true)
    stream.lineEnds.removeAll(keepingCapacity: true)
    stream.structuredMetadata = []
    spares.append(stream)
  }
}

extension PushBatcher.Batch {
  fileprivate mutating func add(
    _ spares: inout [StreamRows], line: UnsafeRawBufferPointer, timestamp: Timestamp,
    labels: Labels, structuredMetadata: [Label], size: Int, streamsMax: Int
  ) -> Bool {
    let index = stream(labels, most: streamsMax, &spares)
    guard index >= 0 else { return false }
    streams[index].append(
      line: line, timestamp: timestamp, structuredMetadata: structuredMetadata)
    bytes += size
    lineBytes += line.count
    entries += 1
    return true
  }

  /// The number of the stream with these labels; -1 when it would be one more than `most`.
  ///
  /// Label sets of one pipeline share their storage, so that its address finds most of them, and
  /// the comparison is quick.
  private mutating func stream(_ labels: Labels, most: Int, _ spares: inout [StreamRows]) -> Int {
    let address = labels.sorted.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    let slot = Int(truncatingIfNeeded: (address >> 5) & 255)
    let guess = Int(recent[slot])
    if guess >= 0, streams[guess].labels == labels { return guess }
    let index = indices[labels] ?? streams.count
    if index == streams.count {
      guard index < most else { return -1 }
      indices[labels] = index
      var rows = spares.popLast() ?? StreamRows(labels: labels)
      rows.labels = labels
      streams.append(rows)
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
