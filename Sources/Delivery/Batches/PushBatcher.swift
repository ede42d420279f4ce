import Bytes
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
    var streams: [EncodedEntries] = []
    var indices: [Labels: Int] = [:]
    /// Streams by the number of their labels, at the number's lowest bits.
    var recent = [(number: UInt64, index: Int)](repeating: (0, 0), count: 256)
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
  private var batches: [ByteText: Batch] = [:]
  private var sealed: [QueuedBody] = []
  /// Emptied streams whose room the next ones take over.
  private var spares: [EncodedEntries] = []
  private static let sparesMax = 16
  private var spareBytes: Int { spares.reduce(0) { $0 + $1.capacity } }
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
  ///
  /// `labelsNumber` stands for the labels, which are asked for when it is not known: one number is
  /// always of the same labels. 0 says nothing.
  @discardableResult
  package mutating func add(
    line: UnsafeRawBufferPointer, timestamp: Timestamp, labelsNumber: UInt64 = 0,
    labels: @autoclosure () -> Labels, structuredMetadata: [Label] = [], tenant: String = ""
  ) -> Bool {
    var size = line.count
    for label in structuredMetadata { size += label.name.utf8.count + label.value.utf8.count }
    if !tenant.hasSameBytes(as: self.tenant) { select(tenant) }
    if current.entries > 0,
      current.bytes + size > bodyBytesMax || current.streams.count >= Self.fullStreams
    {
      seal()
    }
    let slot = Int(truncatingIfNeeded: labelsNumber & 255)
    var index = current.recent[slot].index
    if labelsNumber == 0 || current.recent[slot].number != labelsNumber {
      index = current.stream(labels(), most: streamsMax, &spares)
      guard index >= 0 else { return false }
      current.recent[slot] = (labelsNumber, index)
    }
    current.streams[index].append(
      line: line, timestamp: timestamp, structuredMetadata: structuredMetadata)
    current.bytes += size
    current.lineBytes += line.count
    current.entries += 1
    entries += 1
    return true
  }

  private mutating func select(_ tenant: String) {
    if current.entries > 0 { batches[self.tenant] = current }
    current = batches.removeValue(forKey: tenant) ?? Batch()
    self.tenant = tenant
  }

  /// All bodies, ready to be queued; the batcher is empty afterwards.
  package mutating func takeBodies() -> [QueuedBody] {
    if current.entries > 0 { batches[tenant] = current }
    for tenant in batches.keys.sortedTexts() {
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
          lineBytes: batch.lineBytes, bytes: LokiPushEncoder.encode(streams)))
    }
    while spares.count < Self.sparesMax, let stream = batch.streams.popLast() { keep(stream) }
  }

  private mutating func keep(_ stream: consuming EncodedEntries) {
    guard spareBytes + stream.capacity <= 2 * bodyBytesMax else { return }
    stream.reset(labels: .none)
    spares.append(stream)
  }
}

extension PushBatcher.Batch {
  /// The number of the stream with these labels; -1 when it would be one more than `most`.
  fileprivate mutating func stream(
    _ labels: Labels, most: Int, _ spares: inout [EncodedEntries]
  ) -> Int {
    if let index = indices[labels] { return index }
    let index = streams.count
    guard index < most else { return -1 }
    indices[labels] = index
    var entries = spares.popLast() ?? EncodedEntries(labels: labels)
    entries.reset(labels: labels)
    streams.append(entries)
    return index
  }
}
