import Bytes
import LinuxIO

/// How far each destination has acknowledged the queue, kept in one small file.
///
/// Two slots are written in turn, so that one of them is whole whenever the process ends. What is
/// lost of it is only sent once more.
struct Acknowledgements {
  private static let slotBytes = 64 << 10
  private static let destinationsMax = 256

  /// The last acknowledged sequence number by the destination's key.
  private(set) var sequences: [String: UInt64] = [:]
  /// Whether the file was there and whole.
  private(set) var wasFound = false
  private let file: any File
  private var generation: UInt64 = 0

  init(_ fileSystem: any FileSystem, path: String) throws(SystemError) {
    file = try fileSystem.open(path, .readWrite)
    for slot in 0..<2 {
      let bytes = try file.readBytes(at: Int64(slot * Self.slotBytes), count: Self.slotBytes)
      guard let (generation, sequences) = Self.decode(bytes), generation >= self.generation else {
        continue
      }
      self.generation = generation
      self.sequences = sequences
      wasFound = true
    }
  }

  /// Forgets destinations that are not configured any more.
  mutating func keepOnly(_ keys: Set<String>) {
    sequences = sequences.filter { keys.contains($0.key) }
  }

  /// Notes and writes; without waiting for the disk unless `isDurable`.
  mutating func set(_ sequence: UInt64, for key: String, isDurable: Bool = false)
    throws(SystemError)
  {
    sequences[key] = sequence
    generation += 1
    let bytes = Self.encode(generation, sequences)
    try file.write(bytes, at: Int64(Int(generation % 2) * Self.slotBytes))
    if isDurable { try file.sync(.data) }
  }

  private static func encode(_ generation: UInt64, _ sequences: [String: UInt64]) -> [UInt8] {
    var payload: [UInt8] = []
    payload.appendLittleEndian(generation)
    let kept = sequences.sorted { $0.key < $1.key }.prefix(destinationsMax)
    payload.appendVarint(UInt64(kept.count))
    for (key, sequence) in kept {
      let name = Array(key.utf8.prefix(128))
      payload.appendVarint(UInt64(name.count))
      payload += name
      payload.appendLittleEndian(sequence)
    }
    var out: [UInt8] = []
    out.appendLittleEndian(UInt32(payload.count))
    out.appendLittleEndian(CRC32C.checksum(payload))
    return out + payload
  }

  private static func decode(_ bytes: [UInt8]) -> (UInt64, [String: UInt64])? {
    do throws(ByteError) {
      var cursor = ByteCursor(bytes.span.bytes)
      let length = try cursor.readLittleEndian(UInt32.self)
      let checksum = try cursor.readLittleEndian(UInt32.self)
      let payload = try cursor.readBytes(Int(length))
      guard length > 0, payload.withUnsafeBytes({ CRC32C.checksum($0) }) == checksum else {
        return nil
      }
      var inner = ByteCursor(payload)
      let generation = try inner.readLittleEndian(UInt64.self)
      let count = try inner.readVarint()
      guard count <= UInt64(destinationsMax) else { return nil }
      var sequences: [String: UInt64] = [:]
      for _ in 0..<count {
        let nameLength = try inner.readLength()
        let name = try inner.readBytes(nameLength)
        let key = name.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        sequences[key] = try inner.readLittleEndian(UInt64.self)
      }
      return (generation, sequences)
    } catch {
      return nil
    }
  }
}
