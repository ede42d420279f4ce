package import LinuxIO
import WireFormats

/// Bodies that a destination refused for good, each with the reason, in a folder of its own.
///
/// Two files each: `N.push` is the body as it was sent (snappy protobuf, so that it can be posted
/// again by hand), `N.json` tells who refused it, when, and why. `N` is the time at which this
/// process began to set aside (milliseconds since 1970, 13 digits), the number of the queue's
/// record (20 digits) and the body's place in it, so that names sort by age and a queue that
/// begins anew overwrites nothing. Beyond the greatest size the oldest bodies are removed with
/// their reasons. For one task at a time; blocks on the disk.
package final class RejectedBatches {
  /// One refusal.
  package struct Refusal: Sendable {
    package var destination: String
    package var url: String
    package var tenant: String
    package var status: Int
    package var message: String
    package var entries: Int

    package init(
      destination: String, url: String, tenant: String, status: Int, message: String, entries: Int
    ) {
      self.destination = destination
      self.url = url
      self.tenant = tenant
      self.status = status
      self.message = message
      self.entries = entries
    }
  }

  /// One body with its reason.
  private struct Kept {
    /// Without the ending.
    var name: String
    var bytes: Int64
    /// Start, record and place; earlier versions wrote no start, and no zeros before a number.
    var order: [UInt64] {
      let numbers = name.split(separator: "-").map { UInt64($0) ?? 0 }
      return numbers.count < 3 ? [0] + numbers : numbers
    }
  }

  private static let endings = ["json", "push"]

  private let folder: String
  private let bytesMax: Int64
  private let fileSystem: any FileSystem
  private let clock: any WallClock
  private let start: String
  /// What the folder holds, oldest first; nil until it was looked at.
  private var kept: [Kept]?

  package init(
    folder: String, bytesMax: Int64 = 256 << 20, fileSystem: any FileSystem,
    clock: any WallClock
  ) {
    self.folder = folder
    self.bytesMax = bytesMax
    self.fileSystem = fileSystem
    self.clock = clock
    start = Self.padded(String(max(0, clock.now()) / 1_000_000), 13)
  }

  /// Keeps a body, durable on return; how many old ones were removed to make room.
  ///
  /// `place` is the body's among those of the record. The same place again takes the place of what
  /// this process kept before.
  @discardableResult
  package func add(
    _ body: [UInt8], sequence: UInt64, place: Int, _ refusal: Refusal
  ) throws(DeliveryError) -> Int {
    let name =
      "\(start)-\(Self.padded(String(sequence), 20))-\(Self.padded(String(place), 4))"
    let reason = encoded(refusal)
    do throws(SystemError) {
      try fileSystem.createFolders(folder)
      let bytes = Int64(body.count + reason.count)
      let removed = try makeRoom(for: bytes, besides: name)
      try write(body, to: "\(folder)/\(name).push")
      try write(reason, to: "\(folder)/\(name).json")
      try fileSystem.syncFolder(folder)
      kept?.append(Kept(name: name, bytes: bytes))
      return removed
    } catch {
      kept = nil
      throw .system(error)
    }
  }

  private func encoded(_ refusal: Refusal) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("destination")
    writer.string(refusal.destination)
    writer.key("url")
    writer.string(refusal.url)
    writer.key("tenant")
    writer.string(refusal.tenant)
    writer.key("status")
    writer.int(Int64(refusal.status))
    writer.key("reason")
    writer.string(refusal.message)
    writer.key("entries")
    writer.int(Int64(refusal.entries))
    writer.key("refused_at_unix_nanoseconds")
    writer.quotedInt(clock.now())
    writer.endObject()
    return writer.bytes + [10]
  }

  private static func padded(_ digits: String, _ width: Int) -> String {
    String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private func write(_ bytes: [UInt8], to path: String) throws(SystemError) {
    // A crash before the acknowledgement brings the same number again.
    let file = try fileSystem.open(path, .readWrite)
    try file.truncate(to: 0)
    try file.write(bytes, at: 0)
    try file.sync(.data)
    try file.close()
  }

  /// Removes the oldest until there is room; how many. What has the name `besides` is written anew.
  private func makeRoom(for needed: Int64, besides: String) throws(SystemError) -> Int {
    var kept: [Kept]
    if let known = self.kept { kept = known } else { kept = try look() }
    kept.removeAll { $0.name == besides }
    var bytes = kept.reduce(needed) { $0 + $1.bytes }
    var removed = 0
    while bytes > bytesMax, removed < kept.count {
      for ending in Self.endings { try remove("\(folder)/\(kept[removed].name).\(ending)") }
      bytes -= kept[removed].bytes
      removed += 1
    }
    self.kept = Array(kept.dropFirst(removed))
    return removed
  }

  private func remove(_ path: String) throws(SystemError) {
    do throws(SystemError) { try fileSystem.remove(path) } catch {
      // Somebody took it away, to send it again perhaps.
      guard error.isNoSuchFile else { throw error }
    }
  }

  /// What the folder holds, oldest first.
  private func look() throws(SystemError) -> [Kept] {
    var bytes: [String: Int64] = [:]
    for file in try fileSystem.list(folder) {
      let parts = file.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2, Self.endings.contains(String(parts[1])),
        let status = try fileSystem.status("\(folder)/\(file)")
      else { continue }
      bytes[String(parts[0]), default: 0] += status.size
    }
    return bytes.map { Kept(name: $0.key, bytes: $0.value) }
      .sorted { $0.order.lexicographicallyPrecedes($1.order) }
  }
}
