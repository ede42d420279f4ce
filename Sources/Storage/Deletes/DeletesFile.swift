import Bytes
import LinuxIO
import TelemetryModel

/// A second record of the requests to delete, in a file of its own, so that a catalog that is lost
/// takes none of them with it. The catalog is what counts as long as it can be read.
///
/// The file is written as a whole under another name, synced, and put in place of the one before;
/// see docs/formats/deletes.md.
struct DeletesFile {
  /// Deletes, and the number that none of them is above.
  struct Content: Hashable {
    var tombstones: [Tombstone] = []
    var lastDelete: UInt64 = 0
    /// Records of the log up to here were in segments when the file was written, those that the
    /// deletes hold for among them: they must not be taken for rows that came later.
    var releasedThrough: UInt64 = 0
  }

  static let mark = Array("sluicedl".utf8)
  static let version: UInt32 = 2
  /// Version 1 does not say which records of the log are in segments.
  static let readableVersions: ClosedRange<UInt32> = 1...2
  static let byteCountMax = 64 << 20

  let layout: StoreLayout
  let fileSystem: any FileSystem

  // MARK: bytes

  static func encode(_ content: Content) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(contentsOf: mark)
    bytes.appendLittleEndian(version)
    bytes.appendLittleEndian(UInt32(truncatingIfNeeded: content.tombstones.count))
    bytes.appendLittleEndian(content.lastDelete)
    bytes.appendLittleEndian(content.releasedThrough)
    for tombstone in content.tombstones {
      bytes.appendLittleEndian(tombstone.number)
      bytes.appendLittleEndian(tombstone.range.lowerBound.nanoseconds)
      bytes.appendLittleEndian(tombstone.range.upperBound.nanoseconds)
      bytes.appendLittleEndian(tombstone.created.nanoseconds)
      bytes.append(tombstone.isProcessed ? 1 : 0)
      for text in [tombstone.tenant, tombstone.query] {
        bytes.appendLittleEndian(UInt32(truncatingIfNeeded: text.utf8.count))
        bytes.append(contentsOf: text.utf8)
      }
    }
    let checksum = bytes.withUnsafeBytes { XXH3.hash($0) }
    bytes.appendLittleEndian(checksum)
    return bytes
  }

  /// Throws ``StorageError/Code/corrupt`` with the offset, or `unknownVersion`.
  static func decode(_ bytes: [UInt8], path: String) throws(StorageError) -> Content {
    try bytes.withRawBytes { (bytes) throws(StorageError) in
      var reader = Reader(bytes: bytes, path: path)
      return try reader.content()
    }
  }

  /// Reads numbers and texts, each checked against the end.
  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    let path: String
    var at = 0

    func malformed(_ what: String) -> StorageError {
      .corrupt("malformed deletes: \(what)", path: path, offset: Int64(at))
    }

    mutating func take(_ count: Int) throws(StorageError) -> UnsafeRawBufferPointer {
      guard count <= bytes.count - 8 - at else { throw malformed("they end early") }
      defer { at += count }
      return UnsafeRawBufferPointer(rebasing: bytes[at..<(at + count)])
    }

    mutating func number<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type)
      throws(StorageError) -> Value
    {
      try take(MemoryLayout<Value>.size).littleEndian(type, at: 0)
    }

    mutating func text() throws(StorageError) -> String {
      let count = Int(try number(UInt32.self))
      return String(decoding: try take(count), as: UTF8.self)
    }

    mutating func content() throws(StorageError) -> Content {
      guard bytes.count >= DeletesFile.mark.count + 24,
        try take(DeletesFile.mark.count).elementsEqual(DeletesFile.mark)
      else { throw malformed("it is no such file") }
      let whole = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - 8)])
      guard bytes.littleEndian(UInt64.self, at: bytes.count - 8) == XXH3.hash(whole) else {
        throw malformed("they fail their checksum")
      }
      let version = try number(UInt32.self)
      let readable = DeletesFile.readableVersions
      guard readable.contains(version) else {
        throw StorageError(
          .unknownVersion,
          "\(path) has format version \(version), this program reads versions "
            + "\(readable.lowerBound) to \(readable.upperBound)",
          path: path)
      }
      let count = try number(UInt32.self)
      var content = Content(lastDelete: try number(UInt64.self))
      if version >= 2 { content.releasedThrough = try number(UInt64.self) }
      for _ in 0..<count { content.tombstones.append(try tombstone()) }
      guard at == bytes.count - 8 else { throw malformed("something follows") }
      return content
    }

    private mutating func tombstone() throws(StorageError) -> Tombstone {
      let number = try number(UInt64.self)
      let oldest = Timestamp(nanoseconds: try self.number(Int64.self))
      let newest = Timestamp(nanoseconds: try self.number(Int64.self))
      let created = Timestamp(nanoseconds: try self.number(Int64.self))
      let isProcessed = try self.number(UInt8.self)
      guard oldest <= newest, isProcessed < 2 else { throw malformed("one has no range") }
      let tenant = try text()
      return Tombstone(
        number: number, tenant: tenant, query: try text(), range: oldest...newest,
        created: created, isProcessed: isProcessed == 1)
    }
  }

  // MARK: files

  /// Nothing when there is no such file. Throws ``StorageError/Code/corrupt`` for one that is
  /// larger than any that is written.
  func read() throws(StorageError) -> Content {
    let status = try storing("reading the deletes") { () throws(SystemError) in
      try fileSystem.status(layout.deletes)
    }
    guard let status else { return Content() }
    guard status.size <= Int64(Self.byteCountMax) else {
      throw .corrupt(
        "\(status.size) bytes are more than a file of deletes has", path: layout.deletes,
        offset: Int64(Self.byteCountMax))
    }
    let bytes = try storing("reading the deletes") { () throws(SystemError) in
      try fileSystem.readWhole(layout.deletes, bytesMax: Self.byteCountMax)
    }
    return try Self.decode(bytes, path: layout.deletes)
  }

  /// Puts the content in place, durably. Throws ``StorageError/Code/overloaded`` when it is more
  /// than can be read again.
  func write(_ content: Content) throws(StorageError) {
    let bytes = Self.encode(content)
    guard bytes.count <= Self.byteCountMax else {
      throw StorageError(
        .overloaded,
        "requests to delete take \(bytes.count) bytes, the limit is \(Self.byteCountMax): wait "
          + "until some are carried out, or take some back", path: layout.deletes)
    }
    try storing("writing the deletes") { () throws(SystemError) in
      if try fileSystem.status(layout.newDeletes) != nil {
        try fileSystem.remove(layout.newDeletes)
      }
      let file = try fileSystem.open(layout.newDeletes, .create)
      try file.write(bytes, at: 0)
      try file.sync(.full)
      try file.close()
      try fileSystem.rename(layout.newDeletes, to: layout.deletes)
      try fileSystem.syncFolder(layout.folder)
    }
  }
}

extension DeletesFile.Content {
  /// What the catalog says.
  init(_ catalog: CatalogContent) {
    self.init(
      tombstones: catalog.tombstones, lastDelete: catalog.lastDelete,
      releasedThrough: catalog.releasedThrough)
  }
}
