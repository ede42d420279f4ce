import Compression
import LinuxIO
import Synchronization

/// A compressed file as the bytes that it inflates to; read from its beginning on, with a window
/// behind for the reader's comparisons. Offsets count inflated bytes.
///
/// What lies before the window is reached by inflating once more. A file that is damaged ends
/// where the damage is.
final class InflatedFile: File {
  private struct State {
    var stream: InflateStream
    var input: [UInt8] = []
    var inputStart = 0
    /// Where the next compressed bytes are read.
    var compressedOffset: Int64 = 0
    var window: [UInt8] = []
    var windowStart: Int64 = 0
    var isAtEnd = false
    var isDamaged = false
    /// The file's first bytes.
    var head: [UInt8] = []

    var end: Int64 { windowStart + Int64(window.count) }
  }

  private static let headBytes = FileFingerprint.headBytesMax
  private static let windowBytes = 1 << 20
  private static let pieceBytes = 128 << 10

  private let file: any File
  private let format: InflateStream.Format
  // Touched under the lock alone.
  private nonisolated(unsafe) var state: State
  private let lock = Mutex(())
  private let log = Log("files")

  /// Throws ``CompressionError/failed(format:)``.
  init(_ file: any File, _ format: InflateStream.Format) throws(CompressionError) {
    self.file = file
    self.format = format
    let stream = try InflateStream(format)
    state = State(stream: stream)
  }

  var path: String { file.path }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(SystemError)
    -> Int
  {
    let result: Result<Int, SystemError> = lock.withLock { _ in
      Result { () throws(SystemError) in try readLocked(at: offset, into: buffer) }
    }
    return try result.get()
  }

  private func readLocked(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer)
    throws(SystemError) -> Int
  {
    guard offset >= 0, !buffer.isEmpty else { return 0 }
    if Int(offset) + buffer.count <= state.head.count {
      buffer.copyBytes(from: state.head[Int(offset)..<Int(offset) + buffer.count])
      return buffer.count
    }
    if offset < state.windowStart { try restart() }
    while state.end < offset + Int64(buffer.count), !state.isAtEnd {
      try inflateMore(keepingFrom: offset)
    }
    guard offset < state.end else { return 0 }
    let start = Int(offset - state.windowStart)
    let count = min(buffer.count, state.window.count - start)
    state.window.withUnsafeBytes { all in
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[start..<start + count]))
    }
    return count
  }

  private func restart() throws(SystemError) {
    do throws(CompressionError) {
      state.stream = try InflateStream(format)
    } catch {
      throw SystemError(call: "inflate", path: path, code: SystemError.ioFailure)
    }
    state.input = []
    state.inputStart = 0
    state.compressedOffset = 0
    state.window = []
    state.windowStart = 0
    state.isAtEnd = false
  }

  private func inflateMore(keepingFrom offset: Int64) throws(SystemError) {
    if state.inputStart >= state.input.count {
      state.input = try file.readBytes(at: state.compressedOffset, count: Self.pieceBytes)
      state.inputStart = 0
      state.compressedOffset += Int64(state.input.count)
      guard !state.input.isEmpty else {
        state.isAtEnd = true
        return
      }
    }
    let surplus = state.window.count - Self.windowBytes
    let before = Int(offset - state.windowStart)
    if surplus > Self.pieceBytes, before > 0 {
      let dropped = min(surplus, before)
      state.window.removeFirst(dropped)
      state.windowStart += Int64(dropped)
    }
    do throws(CompressionError) {
      let (input, start, stream) = (state.input, state.inputStart, state.stream)
      var failure: CompressionError?
      var consumed = 0
      let piece = [UInt8](unsafeUninitializedCapacity: Self.pieceBytes) { to, count in
        input.withUnsafeBytes { from in
          do throws(CompressionError) {
            let step = try stream.inflate(
              UnsafeRawBufferPointer(rebasing: from[start...]),
              into: UnsafeMutableRawBufferPointer(to))
            consumed = step.consumed
            count = step.produced
          } catch { failure = error }
        }
      }
      if let failure { throw failure }
      state.inputStart += consumed
      if state.head.count < Self.headBytes, state.end == Int64(state.head.count) {
        state.head += piece.prefix(Self.headBytes - state.head.count)
      }
      state.window += piece
      if consumed == 0, piece.isEmpty { throw .corrupt(format: format.rawValue) }
    } catch {
      state.isAtEnd = true
      if !state.isDamaged {
        state.isDamaged = true
        log.error(
          "a compressed file is damaged; it is read up to there",
          ["path": path, "inflated_bytes": state.end])
      }
    }
  }

  /// Inflated bytes where the end is known; one more than there are so far where it is not.
  func size() throws(SystemError) -> Int64 {
    lock.withLock { _ in state.isAtEnd ? state.end : state.end + 1 }
  }

  func status() throws(SystemError) -> FileStatus {
    var status = try file.status()
    status.size = try size()
    return status
  }

  func close() throws(SystemError) { try file.close() }

  // What is followed is never written.
  private var refusal: SystemError {
    SystemError(call: "write", path: path, code: SystemError.badDescriptor)
  }
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
    throw refusal
  }
  func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) { throw refusal }
  func sync(_ mode: SyncMode) throws(SystemError) { throw refusal }
  func truncate(to size: Int64) throws(SystemError) { throw refusal }
  func allocate(to size: Int64) throws(SystemError) { throw refusal }
}
