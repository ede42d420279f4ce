import Glibc
import LinuxIO

/// Calls `body` with each line read from a descriptor, without its line end; the last one counts
/// also without one. Lines are cut at 16 MiB.
func readLines(from descriptor: Int32, _ body: ([UInt8]) async throws -> Void) async throws {
  var pending: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(descriptor, &chunk, chunk.count)
    if count < 0 {
      if errno == EINTR { continue }
      throw CommandFailure(message: "reading failed: \(SystemError.reason(errno))")
    }
    if count == 0 { break }
    var start = 0
    for index in 0..<count where chunk[index] == UInt8(ascii: "\n") {
      try await body(withoutReturn(pending + chunk[start..<index]))
      pending.removeAll(keepingCapacity: true)
      start = index + 1
    }
    pending += chunk[start..<count]
    if pending.count >= 16 << 20 {
      try await body(pending)
      pending.removeAll()
    }
  }
  if !pending.isEmpty { try await body(withoutReturn(pending)) }
}

/// Reads a whole file, or what a pipe gives, of at most `bytesMax` bytes.
///
/// - Throws: ``CommandFailure`` that names the file.
func readFile(_ path: String, bytesMax: Int = 256 << 20) throws(CommandFailure) -> [UInt8] {
  try failing { () throws(SystemError) in
    try RealFileSystem().readToEnd(path, bytesMax: bytesMax)
  }
}

/// Writes a file whole, replacing or continuing what is there.
func writeFile(_ path: String, _ bytes: [UInt8], appending: Bool = false) throws(CommandFailure) {
  try failing { () throws(SystemError) in
    try RealFileSystem().writeWhole(path, bytes, appending: appending)
  }
}

/// Makes a folder and those above it.
func makeFolder(_ path: String) throws(CommandFailure) {
  try failing { () throws(SystemError) in try RealFileSystem().createFolders(path) }
}

/// The kernel's words for the user: `path: No such file or directory`.
private func failing<T>(_ body: () throws(SystemError) -> T) throws(CommandFailure) -> T {
  do throws(SystemError) { return try body() } catch {
    throw CommandFailure(
      message: (error.path.map { "\($0): " } ?? "") + SystemError.reason(error.code))
  }
}

private func withoutReturn(_ line: [UInt8]) -> [UInt8] {
  line.last == UInt8(ascii: "\r") ? Array(line.dropLast()) : line
}
