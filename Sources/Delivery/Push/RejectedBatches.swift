package import LinuxIO
import WireFormats

/// Bodies that a destination refused for good, each with the reason, in a folder of its own.
///
/// Two files each: `N.push` is the body as it was sent (snappy protobuf, so that it can be posted
/// again by hand), `N.json` tells who refused it, when, and why. Beyond the greatest size the
/// oldest are removed. For one task at a time; blocks on the disk.
package struct RejectedBatches {
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

  private let folder: String
  private let bytesMax: Int64
  private let fileSystem: any FileSystem
  private let clock: any WallClock

  package init(
    folder: String, bytesMax: Int64 = 256 << 20, fileSystem: any FileSystem,
    clock: any WallClock
  ) {
    self.folder = folder
    self.bytesMax = bytesMax
    self.fileSystem = fileSystem
    self.clock = clock
  }

  /// Keeps a body, durable on return.
  package func add(_ body: [UInt8], number: String, _ refusal: Refusal) throws(DeliveryError) {
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
    do throws(SystemError) {
      try fileSystem.createFolders(folder)
      try makeRoom(for: Int64(body.count + writer.bytes.count))
      try write(body, to: "\(folder)/\(number).push")
      try write(writer.bytes + [10], to: "\(folder)/\(number).json")
      try fileSystem.syncFolder(folder)
    } catch {
      throw .system(error)
    }
  }

  private func write(_ bytes: [UInt8], to path: String) throws(SystemError) {
    // A crash before the acknowledgement brings the same number again.
    let file = try fileSystem.open(path, .readWrite)
    try file.truncate(to: 0)
    try file.write(bytes, at: 0)
    try file.sync(.data)
    try file.close()
  }

  private func makeRoom(for needed: Int64) throws(SystemError) {
    var kept: [(path: String, size: Int64)] = []
    for name in try fileSystem.list(folder).sorted() {
      let path = "\(folder)/\(name)"
      if let status = try fileSystem.status(path) { kept.append((path, status.size)) }
    }
    var bytes = kept.reduce(needed) { $0 + $1.size }
    for (path, size) in kept where bytes > bytesMax {
      try fileSystem.remove(path)
      bytes -= size
    }
  }
}
