package import Bytes
package import LogSources

/// A push body that waits to be sent, and for whom.
package struct QueuedBody: Hashable, Sendable {
  /// The labels that were added to all streams, as ``BatchProfile/number``.
  package var profile: UInt64
  /// The tenant that a stage chose, or empty for the client's own.
  package var tenant: String
  package var entries: Int
  /// Bytes of its lines.
  package var lineBytes: Int
  /// A snappy-compressed protobuf `PushRequest`.
  package var bytes: [UInt8]

  package init(profile: UInt64, tenant: String, entries: Int, lineBytes: Int, bytes: [UInt8]) {
    self.profile = profile
    self.tenant = tenant
    self.entries = entries
    self.lineBytes = lineBytes
    self.bytes = bytes
  }
}

/// What becomes durable in one step: bodies, and how far their sources were read for them.
package struct QueueRecord: Hashable, Sendable {
  /// The record stands for all positions; others are forgotten.
  package var isSnapshot = false
  package var positions: [SourcePosition] = []
  package var bodies: [QueuedBody] = []

  package init() {}

  /// Lines, those with several profiles' labels counted once.
  var ownEntries: Int {
    guard let profile = bodies.first?.profile else { return 0 }
    return bodies.reduce(0) { $0 + ($1.profile == profile ? $1.entries : 0) }
  }

  package var entries: Int { bodies.reduce(0) { $0 + $1.entries } }
}

extension QueueRecord {
  /// The payload of a record; docs/formats/agent-queue.md.
  package func encoded() -> [UInt8] { encoded(behind: 0) }

  /// The same behind so many zeros, for what is to come before it.
  func encoded(behind headBytes: Int) -> [UInt8] {
    var out: [UInt8] = []
    let positionBytes = positions.reduce(0) { $0 + $1.key.utf8.count + $1.value.count + 20 }
    out.reserveCapacity(bodies.reduce(headBytes + positionBytes + 32) { $0 + $1.bytes.count + 64 })
    out.append(contentsOf: repeatElement(0, count: headBytes))
    out.append(isSnapshot ? 1 : 0)
    out.appendVarint(UInt64(positions.count))
    for position in positions {
      out.appendVarint(UInt64(position.key.utf8.count))
      out.append(utf8: position.key)
      out.appendVarint(UInt64(position.value.count))
      out += position.value
    }
    out.appendVarint(UInt64(bodies.count))
    for body in bodies {
      out.appendLittleEndian(body.profile)
      out.appendVarint(UInt64(body.tenant.utf8.count))
      out.append(utf8: body.tenant)
      out.appendVarint(UInt64(body.entries))
      out.appendVarint(UInt64(body.lineBytes))
      out.appendVarint(UInt64(body.bytes.count))
      out += body.bytes
    }
    return out
  }

  /// Throws ``ByteError`` on anything but an encoded record.
  package init(encoded bytes: [UInt8]) throws(ByteError) {
    var cursor = ByteCursor(bytes.span.bytes)
    let flags = try cursor.readByte()
    guard flags <= 1 else { throw .malformedText }
    isSnapshot = flags == 1
    // Each position takes two bytes or more, each body twelve.
    let positionCount = try cursor.readVarint()
    guard positionCount <= UInt64(cursor.remaining / 2) else { throw .truncated }
    positions.reserveCapacity(Int(positionCount))
    for _ in 0..<positionCount {
      let key = try Self.readText(&cursor)
      let length = try cursor.readLength()
      let value = try cursor.readBytes(length)
      positions.append(
        SourcePosition(key: key, value: value.withUnsafeBytes { [UInt8]($0) }))
    }
    let bodyCount = try cursor.readVarint()
    guard bodyCount <= UInt64(cursor.remaining / 12) else { throw .truncated }
    for _ in 0..<bodyCount {
      let profile = try cursor.readLittleEndian(UInt64.self)
      let tenant = try Self.readText(&cursor)
      let entries = try cursor.readVarint()
      let lineBytes = try cursor.readVarint()
      guard entries <= UInt64(Int32.max), lineBytes <= UInt64(Int64.max) else {
        throw .malformedVarint
      }
      let length = try cursor.readLength()
      let body = try cursor.readBytes(length)
      bodies.append(
        QueuedBody(
          profile: profile, tenant: tenant, entries: Int(entries), lineBytes: Int(lineBytes),
          bytes: body.withUnsafeBytes { [UInt8]($0) }))
    }
    guard cursor.isAtEnd else { throw .malformedText }
  }

  private static func readText(_ cursor: inout ByteCursor) throws(ByteError) -> String {
    let length = try cursor.readLength()
    let bytes = try cursor.readBytes(length)
    return bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
