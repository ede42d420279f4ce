import Bytes

/// One record of the log, as it was appended.
package struct WALRecord: Hashable, Sendable {
  /// The store's own; 1 to 254.
  package var kind: UInt8
  /// Rises with each record; gaps are records whose append failed.
  package var sequence: UInt64
  package var payload: [UInt8]

  package init(kind: UInt8, sequence: UInt64, payload: [UInt8]) {
    self.kind = kind
    self.sequence = sequence
    self.payload = payload
  }
}

/// The bytes of a WAL file, version 2: see docs/formats/wal.md.
enum WALFormat {
  static let version: UInt32 = 2
  /// Version 1 has no gap records.
  static let readableVersions: ClosedRange<UInt32> = 1...2
  static let magic = Array("SLUICWAL".utf8)
  static let headerBytes = 64
  /// The header stands twice, so that one damaged copy loses nothing.
  static let recordsStart = 2 * headerBytes
  static let recordHeaderBytes = 32
  static let recordMark: UInt16 = 0x5257
  static let payloadBytesMax = 256 << 20
  /// The kind of the record that ends a file that was closed in order.
  static let endKind: UInt8 = 0
  /// The kind of a record in the place of others that a power cut has torn before anybody was
  /// told that they were durable.
  static let gapKind: UInt8 = 255

  struct Header: Hashable {
    /// The sequence of the first record to come.
    var firstSequence: UInt64
    /// The last record that was durable when the file was made, or 0.
    var durableThrough: UInt64
    /// Makes checksums of this file differ from those of any other.
    var salt: UInt64

    func encoded() -> [UInt8] {
      var out = WALFormat.magic
      out.appendLittleEndian(WALFormat.version)
      out.appendLittleEndian(UInt32(0))
      out.appendLittleEndian(firstSequence)
      out.appendLittleEndian(durableThrough)
      out.appendLittleEndian(salt)
      out.append(contentsOf: repeatElement(0, count: 20))
      out.appendLittleEndian(CRC32C.checksum(out))
      return out
    }

    enum Fault: Error { case damaged, version(UInt32) }

    init(firstSequence: UInt64, durableThrough: UInt64, salt: UInt64) {
      self.firstSequence = firstSequence
      self.durableThrough = durableThrough
      self.salt = salt
    }

    /// Reads the copy that begins at `start`.
    init(_ bytes: UnsafeRawBufferPointer, at start: Int) throws(Fault) {
      guard start + WALFormat.headerBytes <= bytes.count else { throw .damaged }
      let copy = UnsafeRawBufferPointer(
        rebasing: bytes[start..<(start + WALFormat.headerBytes)])
      guard copy.starts(with: WALFormat.magic),
        CRC32C.checksum(UnsafeRawBufferPointer(rebasing: copy[..<60]))
          == copy.littleEndian(UInt32.self, at: 60)
      else { throw .damaged }
      let version = copy.littleEndian(UInt32.self, at: 8)
      guard WALFormat.readableVersions.contains(version) else { throw .version(version) }
      firstSequence = copy.littleEndian(UInt64.self, at: 16)
      durableThrough = copy.littleEndian(UInt64.self, at: 24)
      salt = copy.littleEndian(UInt64.self, at: 32)
    }
  }

  /// The start of each record; the payload follows, and zeros up to a multiple of 8.
  struct RecordHeader {
    var length: Int
    var checksum: UInt32
    var sequence: UInt64
    /// The last record known to be durable when this one was written.
    var durable: UInt64
    var kind: UInt8
    var mark: UInt16
    /// How many sequences after its own a gap record stands for; 0 in all others.
    var more: UInt32
    var reservedByte: UInt8

    /// The last of the sequences that the record stands for.
    var lastSequence: UInt64 {
      let (last, overflow) = sequence.addingReportingOverflow(UInt64(more))
      return overflow ? .max : last
    }

    /// In bounds: the caller has checked that 32 bytes follow `at`.
    init(_ bytes: UnsafeRawBufferPointer, at: Int) {
      length = Int(bytes.littleEndian(UInt32.self, at: at))
      checksum = bytes.littleEndian(UInt32.self, at: at + 4)
      sequence = bytes.littleEndian(UInt64.self, at: at + 8)
      durable = bytes.littleEndian(UInt64.self, at: at + 16)
      kind = bytes[at + 24]
      reservedByte = bytes[at + 25]
      mark = bytes.littleEndian(UInt16.self, at: at + 26)
      more = kind == WALFormat.gapKind ? bytes.littleEndian(UInt32.self, at: at + 28) : 0
    }
  }

  static func paddedLength(_ length: Int) -> Int { (length + 7) & ~7 }

  /// All bytes that a record of this payload takes.
  static func recordBytes(payload length: Int) -> Int {
    recordHeaderBytes + paddedLength(length)
  }

  /// Appends one record; its payload is copied once.
  static func append(
    kind: UInt8, sequence: UInt64, more: UInt32 = 0, durable: UInt64, parts: [[UInt8]],
    salt: UInt64, to out: inout [UInt8]
  ) {
    let length = parts.reduce(0) { $0 + $1.count }
    let start = out.count
    out.appendLittleEndian(UInt32(length))
    out.appendLittleEndian(UInt32(0))
    out.appendLittleEndian(sequence)
    out.appendLittleEndian(durable)
    out.append(kind)
    out.append(0)
    out.appendLittleEndian(recordMark)
    out.appendLittleEndian(more)
    for part in parts { out.append(contentsOf: part) }
    for _ in length..<paddedLength(length) { out.append(0) }
    let checksum = out.withUnsafeBytes { bytes in
      Self.checksum(
        UnsafeRawBufferPointer(rebasing: bytes[start...]), salt: salt)
    }
    withUnsafeBytes(of: checksum.littleEndian) { bytes in
      for index in 0..<4 { out[start + 4 + index] = bytes[index] }
    }
  }

  /// Of a whole record, padding included, its own checksum left out.
  static func checksum(_ record: UnsafeRawBufferPointer, salt: UInt64) -> UInt32 {
    let seed = withUnsafeBytes(of: salt.littleEndian) { CRC32C.checksum($0) }
    let length = CRC32C.checksum(
      UnsafeRawBufferPointer(rebasing: record[..<4]), continuing: seed)
    return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: record[8...]), continuing: length)
  }
}

extension UnsafeRawBufferPointer {
  /// A fixed-width integer, least significant byte first; callers have checked the bounds, and
  /// debug builds check them again.
  @inline(__always)
  func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
    T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}

extension [UInt8] {
  /// Lends the bytes to a body with a typed error.
  func withRawBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeBufferPointer { (buffer) throws(Failure) in
      try body(UnsafeRawBufferPointer(buffer))
    }
  }
}
