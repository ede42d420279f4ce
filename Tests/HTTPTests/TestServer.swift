import Foundation
import LinuxIO
import Synchronization
import TelemetryModel
import Testing

@testable import HTTP

/// A server on a free port with routes that show what it does.
final class TestServer: Sendable {
  let server: HTTPServer
  let port: UInt16
  let registry = MetricsRegistry()
  /// Handlers that saw their task cancelled.
  let cancellations = Mutex(0)
  /// A request to `/gate` waits until a test opens it.
  let gateIsReached = Mutex(false)
  let gateIsOpen = Mutex(false)

  init(
    limits: HTTPLimits = HTTPLimits(), tls: TLSConfiguration? = nil,
    extend: (inout Router) -> Void = { _ in }
  ) throws {
    server = try HTTPServer(limits: limits, registry: registry)
    let holder = Weak()
    var router = Self.routes(holder)
    extend(&router)
    let listener = try server.listen(
      .ipv4(address: 0x7f00_0001, port: 0), name: "test", tls: tls, handler: router.handler)
    port = try #require(listener.address.port)
    holder.server.withLock { $0 = self }
  }

  final class Weak: Sendable {
    let server = Mutex<TestServer?>(nil)
  }

  /// Begins to end the server, on its own loops: the tests' threads may all be blocked in reads.
  func startDrain() throws -> Task<Bool, Never> {
    let loop = try EventLoop.shared.get()[0]
    return Task(executorPreference: loop) { await self.server.drain(seconds: 20) }
  }

  /// Ends the server without waiting for its requests.
  func stop() async { await server.drain(seconds: 0) }

  private static func routes(_ holder: Weak) -> Router {
    var router = Router()
    router.on(.get, "/hello") { _, writer in try await writer.respond(.ok, text: "hello") }
    router.on(.post, "/echo") { request, writer in
      let body = try await request.body(bytesMax: 8 << 20)
      try await writer.respond(.ok, contentType: "application/octet-stream", body: body)
    }
    router.on(.post, "/small") { request, writer in
      let body = try await request.body(bytesMax: 100)
      try await writer.respond(.ok, text: "\(body.count)")
    }
    router.on(.post, "/decoded") { request, writer in
      let body = try await request.decodedBody(bytesMax: 1 << 20, inflatedBytesMax: 1 << 20)
      try await writer.respond(.ok, text: "\(body.count)")
    }
    router.on(.post, "/stream") { request, writer in
      try await writer.head(.ok, headers: ["content-type": "text/plain"])
      while let chunk = try await request.nextChunk() { try await writer.write(chunk) }
      try await writer.end(trailers: ["x-end": "yes"])
    }
    router.on(.post, "/unread") { _, writer in try await writer.respond(.ok, text: "unread") }
    router.on(.get, "/big") { request, writer in
      let count = try request.query()["bytes"].flatMap { Int($0) } ?? 0
      try await writer.head(.ok)
      var left = count
      while left > 0 {
        let piece = min(left, 50_000)
        try await writer.write([UInt8](repeating: 0x61, count: piece))
        left -= piece
      }
    }
    router.on(.get, "/wait") { _, writer in
      holder.server.withLock { $0 }?.gateIsReached.withLock { $0 = true }
      do {
        try await Task.sleep(nanoseconds: 20_000_000_000)
      } catch {
        holder.server.withLock { $0 }?.cancellations.withLock { $0 += 1 }
        throw error
      }
      try await writer.respond(.ok, text: "waited")
    }
    router.on(.get, "/pause") { _, writer in
      try await Task.sleep(nanoseconds: 300_000_000)
      try await writer.respond(.ok, text: "paused")
    }
    router.on(.get, "/gate") { _, writer in
      let server = holder.server.withLock { $0 }
      server?.gateIsReached.withLock { $0 = true }
      while server?.gateIsOpen.withLock({ $0 }) == false {
        try await Task.sleep(nanoseconds: 5_000_000)
      }
      try await writer.respond(.ok, text: "passed")
    }
    router.on(.get, "/fails") { _, _ in throw CocoaError(.fileNoSuchFile) }
    router.on(.get, "/silent") { _, _ in }
    router.on(.get, "/label/{name}/values") { request, writer in
      try await writer.respond(.ok, text: request.parameters["name"] ?? "none")
    }
    router.on(.get, "/label/special/values") { _, writer in
      try await writer.respond(.ok, text: "the literal")
    }
    router.on(.get, "/files/{path...}") { request, writer in
      try await writer.respond(.ok, text: request.parameters["path"] ?? "none")
    }
    router.on([.get, .post], "/form") { request, writer in
      let items = try await request.form().items.map { "\($0.name)=\($0.value)" }
      try await writer.respond(.ok, text: items.joined(separator: "|"))
    }
    return router
  }
}

/// A TCP client that sends whatever it is told and waits no longer than a test may.
final class RawClient {
  private let socket: Int32
  private var buffer: [UInt8] = []

  init(_ port: UInt16, receiveBufferBytes: Int32? = nil) throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    try #require(socket >= 0)
    if var bytes = receiveBufferBytes {
      setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, 4)
    }
    var timeout = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    try #require(Self.connects(socket, port))
  }

  private static func connects(_ socket: Int32, _ port: UInt16) -> Bool {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  /// Whether anybody listens there.
  static func canConnect(_ port: UInt16) -> Bool {
    let probe = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(probe) }
    return connects(probe, port)
  }

  deinit { close(socket) }

  func endWriting() { shutdown(socket, Int32(SHUT_WR)) }

  /// Sends all of it, or as much as the server takes before it closes.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  /// More bytes, or an empty array at the end; `nil` when nothing came in time or it was reset.
  func receiveSome() -> [UInt8]? {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = recv(socket, &chunk, chunk.count, 0)
    return count < 0 ? nil : Array(chunk[..<count])
  }

  /// All until the server closes.
  func receiveAll() -> String {
    var all = buffer
    buffer = []
    while let some = receiveSome(), !some.isEmpty { all += some }
    return String(decoding: all, as: UTF8.self)
  }

  /// Exactly that many bytes, or fewer at the end.
  func receive(count: Int) -> [UInt8] {
    while buffer.count < count, let some = receiveSome(), !some.isEmpty { buffer += some }
    let out = Array(buffer.prefix(count))
    buffer.removeFirst(out.count)
    return out
  }

  struct Response {
    var status: Int
    var head: String
    var body: [UInt8]
    var text: String { String(decoding: body, as: UTF8.self) }

    func header(_ name: String) -> String? {
      for line in head.split(separator: "\r\n").dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        if parts[0].lowercased() == name {
          return parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        }
      }
      return nil
    }
  }

  /// One response, its body by Content-Length or chunks.
  func receiveResponse(toHead: Bool = false) throws -> Response {
    var end: Int?
    while true {
      end = (0..<max(0, buffer.count - 3)).first {
        buffer[$0] == 13 && buffer[$0 + 1] == 10 && buffer[$0 + 2] == 13 && buffer[$0 + 3] == 10
      }
      if end != nil { break }
      let some = try #require(receiveSome(), "no response came")
      try #require(!some.isEmpty, "closed after “\(String(decoding: buffer, as: UTF8.self))”")
      buffer += some
    }
    let headEnd = try #require(end)
    let head = String(decoding: buffer[..<headEnd], as: UTF8.self)
    buffer.removeFirst(headEnd + 4)
    let status = try #require(Int(head.split(separator: " ")[1]))
    var response = Response(status: status, head: head, body: [])
    if toHead || status == 204 || status == 304 || status < 200 { return response }
    if let length = response.header("content-length").flatMap({ Int($0) }) {
      response.body = receive(count: length)
    } else if response.header("transfer-encoding") == "chunked" {
      while true {
        var line: [UInt8] = []
        while line.suffix(2) != [13, 10] { line += receive(count: 1) }
        let size = try #require(Int(String(decoding: line.dropLast(2), as: UTF8.self), radix: 16))
        if size == 0 { break }
        response.body += receive(count: size)
        _ = receive(count: 2)
      }
      var line: [UInt8] = []
      repeat {
        line = []
        while line.suffix(2) != [13, 10] { line += receive(count: 1) }
        response.head +=
          line.count > 2 ? "\r\n" + String(decoding: line.dropLast(2), as: UTF8.self) : ""
      } while line.count > 2
    }
    return response
  }
}

/// What a command printed.
struct CommandResult {
  var status: Int32
  var output: String
}

/// Runs a program that is installed on this machine, or `nil` where it is not.
func run(_ program: String, _ arguments: [String]) throws -> CommandResult? {
  guard
    let path = ["/usr/bin/", "/usr/local/bin/"].map({ $0 + program })
      .first(where: { FileManager.default.isExecutableFile(atPath: $0) })
  else { return nil }
  let process = Process()
  process.executableURL = URL(filePath: path)
  process.arguments = arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = pipe
  try process.run()
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return CommandResult(
    status: process.terminationStatus, output: String(decoding: data, as: UTF8.self))
}
