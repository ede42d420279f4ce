/// Which of a file's state ``File/sync(_:)`` makes durable.
package enum SyncMode: Hashable, Sendable {
  /// The bytes and what is needed to read them, as fdatasync(2).
  case data
  /// All of it, times included, as fsync(2).
  case full
}

/// One open file. Calls may come from any thread; they are atomic each for itself only.
///
/// See ``FileSystem`` for what survives a power cut. The descriptor is closed with the last
/// reference; ``close()`` is for those who want to know whether that failed.
package protocol File: AnyObject, Sendable {
  /// The path that it was opened by.
  var path: String { get }
  /// Fills `buffer` from `offset` on, and returns how many bytes there were: fewer only at the
  /// file's end.
  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int
  /// Writes all of `bytes`; on an error any part of them may have been written.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError)
  /// Writes all of `bytes` at the end, of a file opened with ``OpenMode/append``.
  func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError)
  func sync(_ mode: SyncMode) throws(SystemError)
  /// Makes the file `size` bytes long; new bytes are zero.
  func truncate(to size: Int64) throws(SystemError)
  /// Makes the file at least `size` bytes long, zeros at the end, with the room set aside on
  /// disk; where the file system cannot set it aside, the file only becomes longer.
  func allocate(to size: Int64) throws(SystemError)
  func size() throws(SystemError) -> Int64
  func status() throws(SystemError) -> FileStatus
  /// Closes the descriptor. No call may follow.
  func close() throws(SystemError)
}

extension File {
  package func write(_ bytes: [UInt8], at offset: Int64) throws(SystemError) {
    try withBytes(bytes) { (buffer) throws(SystemError) in try write(buffer, at: offset) }
  }

  package func append(_ bytes: [UInt8]) throws(SystemError) {
    try withBytes(bytes) { (buffer) throws(SystemError) in try append(buffer) }
  }

  /// Up to `count` bytes from `offset` on: fewer only at the file's end.
  ///
  /// The caller has checked `count` against its limits; it is reserved at once.
  package func readBytes(at offset: Int64, count: Int) throws(SystemError) -> [UInt8] {
    var failure: SystemError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      do throws(SystemError) {
        filled = try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  private func withBytes(
    _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(SystemError) -> Void
  ) throws(SystemError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(SystemError) in
      try body(UnsafeRawBufferPointer(buffer))
    }
  }
}
