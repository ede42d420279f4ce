import Glibc

/// Calls `body` with each line read from a descriptor, without its line end; the last one counts
/// also without one. Lines are cut at 16 MiB.
func readLines(from descriptor: Int32, _ body: ([UInt8]) async throws -> Void) async throws {
  var pending: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(descriptor, &chunk, chunk.count)
    if count < 0 {
      if errno == EINTR { continue }
      throw CommandFailure(message: "reading failed: \(String(cString: strerror(errno)))")
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

/// Reads a whole file of at most `bytesMax` bytes.
///
/// - Throws: ``CommandFailure`` that names the file.
func readFile(_ path: String, bytesMax: Int = 256 << 20) throws(CommandFailure) -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else {
    throw CommandFailure(message: "\(path): \(String(cString: strerror(errno)))")
  }
  defer { close(descriptor) }
  var out: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 18)
  while true {
    let count = read(descriptor, &chunk, chunk.count)
    if count < 0, errno == EINTR { continue }
    guard count >= 0 else {
      throw CommandFailure(message: "\(path): \(String(cString: strerror(errno)))")
    }
    if count == 0 { return out }
    out += chunk[0..<count]
    guard out.count <= bytesMax else {
      throw CommandFailure(message: "\(path): more than \(bytesMax) bytes")
    }
  }
}

/// Writes a file whole, replacing or continuing what is there.
func writeFile(_ path: String, _ bytes: [UInt8], appending: Bool = false) throws(CommandFailure) {
  let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (appending ? O_APPEND : O_TRUNC)
  let descriptor = open(path, flags, 0o644)
  guard descriptor >= 0 else {
    throw CommandFailure(message: "\(path): \(String(cString: strerror(errno)))")
  }
  defer { close(descriptor) }
  var done = 0
  while done < bytes.count {
    let count = bytes.withUnsafeBytes { buffer in
      write(descriptor, buffer.baseAddress?.advanced(by: done), bytes.count - done)
    }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else {
      throw CommandFailure(message: "\(path): \(String(cString: strerror(errno)))")
    }
    done += count
  }
}

/// Makes a folder and those above it.
func makeFolder(_ path: String) throws(CommandFailure) {
  var at = path.hasPrefix("/") ? "/" : ""
  for part in path.split(separator: "/") {
    at += at.isEmpty || at.hasSuffix("/") ? String(part) : "/\(part)"
    guard mkdir(at, 0o755) == 0 || errno == EEXIST else {
      throw CommandFailure(message: "\(at): \(String(cString: strerror(errno)))")
    }
  }
}

private func withoutReturn(_ line: [UInt8]) -> [UInt8] {
  line.last == UInt8(ascii: "\r") ? Array(line.dropLast()) : line
}
